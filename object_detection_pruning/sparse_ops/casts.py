"""Finds the cast of a picture to floats, which the vectorised op can do."""

from typing import Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import NodeDef, attribute
from object_detection_pruning.sparse_ops import nodes


def match(node: NodeDef) -> Optional[NodeDef]:
  """What takes the place of a node, or None where it is no such cast."""
  if node.op != 'Cast':
    return None
  if attribute(node, 'SrcT').type != tf.uint8.as_datatype_enum:
    return None
  if attribute(node, 'DstT').type != tf.float32.as_datatype_enum:
    return None
  return nodes.make('FastCast', node.name, list(node.input))
