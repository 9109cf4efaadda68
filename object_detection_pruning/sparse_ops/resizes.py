"""Finds bilinear resizing that the vectorised op can do.

Mask R-CNN enlarges the features of every box before it predicts masks, which
TensorFlow does one float at a time. Three channels fill no vector: how images
are resized is what `pictures` looks at.
"""

from typing import Optional

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
)
from object_detection_pruning.sparse_ops import nodes

_FEWEST_CHANNELS = 16


def match(node: NodeDef, index: GraphIndex) -> Optional[NodeDef]:
  """What takes the place of a node, or None where it is no known resizing."""
  if node.op != 'ResizeBilinear' or len(node.input) < 2:
    return None
  if attribute(node, 'T').type != tf.float32.as_datatype_enum:
    return None
  if attribute(node, 'half_pixel_centers').b:
    return None
  size = index.constant(node.input[1])
  if size is None or size.shape != (2,) or np.any(size < 1):
    return None
  shape = index.static_shape(node.name)
  if shape is None or not shape[-1] or shape[-1] < _FEWEST_CHANNELS:
    return None
  made = nodes.make(
    'FastResizeBilinear',
    node.name,
    [node.input[0]] + list(node.input[2:]),
    output_size=[int(length) for length in size],
  )
  made.attr['align_corners'].b = attribute(node, 'align_corners').b
  return made
