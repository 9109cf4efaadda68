"""Batch norm of a teacher that normalises as that of its student does.

A student that trains its batch norm normalises by the statistics of its batch.
A teacher that takes remembered ones is another function of the same images: in
a batch of two, even a copy of the student is further from it than pruning takes
a network. Beyer et al. 2022 found the same for crops: both must see the same.

Statistics of many images are near the remembered ones, and those are what a
network is evaluated with. So a teacher of a large batch takes these.
"""

import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import GraphDef

_BATCH_NORM = ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3')
_NONE = 'no_statistics'
# The inputs of a mean and a variance from before; empty for those of a batch.
_REMEMBERED = slice(3, 5)
_MANY_IMAGES = 16


def is_small(images: tf.Tensor) -> bool:
  """Whether statistics of a batch are far from those of all images.

  Learning from those of the batch has helped a detector that trains on two
  images at a time, and harmed one of 16.

  Args:
    images: float [batch, height, width, 3]; a batch of unknown size is small.
  """
  count = images.shape.as_list()[0]
  return count is None or count < _MANY_IMAGES


def follow(graph_def: GraphDef, student: tf.Graph) -> None:
  """Has layers normalise by their batch where those of a student do.

  Args:
    graph_def: of the teacher; changed in place.
    student: graph that trains, with layers of the same names. A layer that it
      does not have normalises by its batch if any of the student's does.
  """
  modes = {
    op.name: op.get_attr('is_training')
    for op in student.get_operations()
    if op.type in _BATCH_NORM
  }
  usual = any(modes.values())
  changed = [
    node
    for node in graph_def.node
    if node.op in _BATCH_NORM and modes.get(node.name, usual)
  ]
  if not changed:
    return
  none = graph_def.node.add(name=_NONE, op='Const')
  none.attr['dtype'].type = tf.float32.as_datatype_enum
  none.attr['value'].tensor.CopyFrom(tf.make_tensor_proto([], tf.float32))
  for node in changed:
    node.attr['is_training'].b = True
    inputs = list(node.input)
    inputs[_REMEMBERED] = [_NONE] * 2
    del node.input[:]
    node.input.extend(inputs)
