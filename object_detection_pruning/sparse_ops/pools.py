"""Finds pooling that the vectorised ops can do, alone or behind a crop."""

from typing import List, NamedTuple, Optional, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
  data_inputs,
)
from object_detection_pruning.sparse_ops import crops, nodes

_METHODS = {'MaxPool': 'max', 'AvgPool': 'average'}
_MOST_CROP_POOL = 8


class Pool(NamedTuple):
  """A pooling node and what takes its place.

  Attributes:
    replaced: the pooling node; with a crop, that and the crop.
    made: nodes instead; the last has the name of the pooling node.
  """

  replaced: List[NodeDef]
  made: List[NodeDef]


def match(node: NodeDef, index: GraphIndex, kept: Set[str]) -> Optional[Pool]:
  """What takes the place of a node, or None where it is no known pooling."""
  if node.op not in _METHODS or len(data_inputs(node)) != 1:
    return None
  if attribute(node, 'T').type != tf.float32.as_datatype_enum:
    return None
  if attribute(node, 'data_format').s != b'NHWC':
    return None
  size = list(attribute(node, 'ksize').list.i)
  strides = list(attribute(node, 'strides').list.i)
  padding = attribute(node, 'padding').s.decode()
  if len(size) != 4 or len(strides) != 4 or padding not in ('SAME', 'VALID'):
    return None
  if {size[0], size[3], strides[0], strides[3]} != {1}:
    return None
  crop = _crop_before(node, size, strides, index, kept)
  if crop is not None:
    return crop
  made = nodes.make(
    'FastPool',
    node.name,
    list(node.input),
    method=_METHODS[node.op],
    kernel_size=size[1:3],
    strides=strides[1:3],
    padding=padding,
    explicit_paddings=[],
  )
  return Pool([node], [made])


def _crop_before(
  node: NodeDef,
  size: List[int],
  strides: List[int],
  index: GraphIndex,
  kept: Set[str],
) -> Optional[Pool]:
  """CropAndResize whose only use is this max pool without overlap."""
  if node.op != 'MaxPool' or size != strides or size[1] != size[2]:
    return None
  if size[1] > _MOST_CROP_POOL:
    return None
  between = crops.between(node, index, kept)
  if between is None:
    return None
  crop = between[-1]
  crop_size = index.constant(crop.input[3])
  if np.any(crop_size % size[1]):
    return None
  inputs = list(crop.input[:3]) + [r for r in node.input if r.startswith('^')]
  made = nodes.make(
    'CropResizeMaxPool',
    node.name,
    inputs,
    crop_size=[int(length) for length in crop_size],
    pool_size=size[1],
    extrapolation_value=float(attribute(crop, 'extrapolation_value').f),
  )
  return Pool([node] + between, [made])
