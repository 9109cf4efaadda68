"""Ops that TensorFlow 1.14 does not know, told in ones that it does."""

from typing import Dict, Optional

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import graph_index
from object_detection_pruning.graphs.graph_index import GraphDef, NodeDef

_SUPPRESSION = 'NonMaxSuppressionV5'
_PADDED = 'pad_to_max_output_size'
_PASSING_OPS = ('Enter', 'Identity')


def replace(graph_def: GraphDef) -> None:
  """Replaces such ops, in place, where others compute the very same.

  The suppression that stock models of the modern stack end in lowers scores
  where it is asked to; they do not ask, and without that it is an older op and
  a look-up of the scores. One that does lower scores stays.

  Args:
    graph_def: a graph.
  """
  nodes = {node.name: node for node in graph_def.node}
  replaced: Dict[str, str] = {}
  for node in list(graph_def.node):
    if node.op == _SUPPRESSION and _is_plain(node, nodes):
      replaced[node.name] = _as_older(graph_def, node)
  for node in graph_def.node:
    for position, reference in enumerate(node.input):
      name, _, output = reference.partition(':')
      if name in replaced and output == '1':
        node.input[position] = replaced[name]


def _is_plain(node: NodeDef, nodes: Dict[str, NodeDef]) -> bool:
  sigma = _constant(node.input[5], nodes)
  if sigma is None or sigma != 0:
    return False
  if _PADDED in node.attr and node.attr[_PADDED].b:
    return False
  # The number of what is kept has no counterpart.
  return not any(
    reference == f'{node.name}:2'
    for other in nodes.values()
    for reference in other.input
  )


def _constant(
  reference: str, nodes: Dict[str, NodeDef]
) -> Optional[np.ndarray]:
  node = nodes[graph_index.node_name(reference)]
  while node.op in _PASSING_OPS:
    node = nodes[graph_index.node_name(node.input[0])]
  if node.op != 'Const':
    return None
  return tf.make_ndarray(node.attr['value'].tensor)


def _as_older(graph_def: GraphDef, node: NodeDef) -> str:
  """Makes the op an older one; gives the node that looks its scores up."""
  node.op = 'NonMaxSuppressionV3'
  waits_for = list(node.input[6:])
  del node.input[5:]
  node.input.extend(waits_for)
  if _PADDED in node.attr:
    del node.attr[_PADDED]
  gather = graph_def.node.add(
    name=node.name + '/selected_scores', op='Gather', device=node.device
  )
  gather.input.extend([node.input[1], node.name])
  # An attribute that is not there is at its default.
  is_default = 'T' not in node.attr
  gather.attr['Tparams'].type = (
    tf.float32.as_datatype_enum if is_default else node.attr['T'].type
  )
  gather.attr['Tindices'].type = tf.int32.as_datatype_enum
  return gather.name
