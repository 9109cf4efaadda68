"""Weights that a training graph holds and that nothing saves.

Constants are a part of the graph, and the graph is written beside each
checkpoint, to `graph.pbtxt` and for TensorBoard. So large constants of a
teacher become variables that savers, optimizers and strategies do not know.
Each session fills them from memory when it begins, as it fills its tables.
"""

from typing import Dict

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import graph_index
from object_detection_pruning.graphs.graph_index import GraphDef

# Bytes. What is smaller may be a shape, which other nodes are built from.
_LARGE = 1024
_SCOPE = 'teacher_weights'


def take(graph_def: GraphDef) -> Dict[str, np.ndarray]:
  """Takes large constants out of a graph, which is left without them.

  Args:
    graph_def: changed in place.

  Returns:
    Their values by the name of the node, of those that other nodes read.
  """
  read = {
    graph_index.node_name(name)
    for node in graph_def.node
    for name in node.input
  }
  values, left = {}, []
  for node in graph_def.node:
    # A constant of a loop waits for the loop to begin.
    if node.op == 'Const' and not node.input:
      tensor = node.attr['value'].tensor
      if tensor.ByteSize() > _LARGE and tensor.dtype != tf.string:
        if node.name in read:
          values[node.name] = tf.make_ndarray(tensor)
        continue
    left.append(node)
  rest = GraphDef(node=left)
  for node in rest.node:
    # What it names may be gone.
    node.attr.pop('_class', None)
  del graph_def.node[:]
  graph_def.node.extend(rest.node)
  return values


def place(values: Dict[str, np.ndarray]) -> Dict[str, tf.Tensor]:
  """Adds variables with these values to the current graph.

  They are where an operation would be that computes, so each worker of a
  cluster has its own. The initializer is in the collection of those of tables.

  Args:
    values: by name.

  Returns:
    What is read of each, by name.
  """
  if not values:
    return {}
  names = sorted(values)
  arrays = [values[name] for name in names]
  with tf.name_scope(_SCOPE) as scope:
    with tf.device(tf.no_op().device):
      filled = tf.py_func(
        lambda: arrays, [], [array.dtype for array in arrays], name='values'
      )
      read, assigned = {}, []
      for name, array, value in zip(names, arrays, filled):
        handle = tf.raw_ops.VarHandleOp(
          dtype=array.dtype,
          shape=array.shape,
          container='',
          shared_name=scope + name,
          name=name.replace('/', '_'),
        )
        assigned.append(
          tf.raw_ops.AssignVariableOp(resource=handle, value=value)
        )
        read[name] = tf.raw_ops.ReadVariableOp(
          resource=handle, dtype=array.dtype
        )
        read[name].set_shape(array.shape)
    tf.add_to_collection(
      tf.GraphKeys.TABLE_INITIALIZERS, tf.group(*assigned, name='fill')
    )
  return read
