"""Finds what lies between a CropAndResize and the pooling of its crops.

The Object Detection API gives the crops a batch dimension and takes it away
again before it pools them. Both reshapes together change nothing; that is taken
for granted only where it follows from the shapes: if all dimensions but the
first are the same and none is zero, then so is the first.
"""

from typing import List, Optional, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
  control_inputs,
)

# What may lie between the shape of the crops and the reshapes that use it.
SHAPE_ARITHMETIC = frozenset(
  ['Shape', 'StridedSlice', 'Pack', 'Mul', 'Prod', 'ConcatV2', 'Reshape']
)


def between(
  pool: NodeDef, index: GraphIndex, kept: Set[str]
) -> Optional[List[NodeDef]]:
  """The nodes that nobody needs once the pool reads the image itself.

  Args:
    pool: a pooling node.
    index: of its graph.
    kept: names of nodes whose value must stay available.

  Returns:
    Reshapes, what computes their shapes, and last the CropAndResize; None
    where the pool reads no crops, or they have another use.
  """
  chain = []  # type: List[NodeDef]
  node = index.producer(pool.input[0])
  while node is not None and node.op == 'Reshape':
    chain.append(node)
    node = index.producer(node.input[0])
  if node is None or not _is_known_crop(node, index):
    return None
  if chain and not _keeps_inner_shape(chain, node, index):
    return None
  users = _all_users(node, pool, index)
  if users is None or any(n.name in kept for n in users + [node]):
    return None
  allowed = {n.name for n in chain}
  for user in users:
    if user.op not in SHAPE_ARITHMETIC or control_inputs(user):
      return None
    if user.op == 'Reshape' and user.name not in allowed:
      return None
  return users + [node]


def _is_known_crop(node: NodeDef, index: GraphIndex) -> bool:
  if node.op != 'CropAndResize' or len(node.input) != 4:
    return False
  if attribute(node, 'T').type != tf.float32.as_datatype_enum:
    return False
  if attribute(node, 'method').s != b'bilinear':
    return False
  size = index.constant(node.input[3])
  return size is not None and size.shape == (2,) and bool(np.all(size >= 1))


def _all_users(
  crop: NodeDef, pool: NodeDef, index: GraphIndex
) -> Optional[List[NodeDef]]:
  """Whatever depends on the crops before the pool; None if it is too much."""
  users = []  # type: List[NodeDef]
  queue = [crop]
  seen = {pool.name}
  while queue:
    for user in index.consumers(queue.pop()):
      if user.name in seen:
        continue
      if user.op not in SHAPE_ARITHMETIC:
        return None
      seen.add(user.name)
      users.append(user)
      queue.append(user)
  return users


def _keeps_inner_shape(
  chain: List[NodeDef], crop: NodeDef, index: GraphIndex
) -> bool:
  """Whether reshapes lead back to the shape [count, height, width, depth]."""
  last = index.static_shape(chain[0].name)
  first = index.static_shape(crop.name)
  if last is None or first is None or len(last) != 4 or len(first) != 4:
    return False
  return all(first[1:]) and last[1:] == first[1:]
