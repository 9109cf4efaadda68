"""Where the mean of a layer's outputs can be corrected.

That is in its bias, or in the moving mean of its batch norm.
"""

from typing import NamedTuple, Optional, Set

import numpy as np

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
  control_inputs,
  node_name,
  same_tensor,
)

_BATCH_NORMS = ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3')
_ADDITIONS = ('BiasAdd', 'Add', 'AddV2')


class Shift(NamedTuple):
  """A constant that can move the mean of a layer's outputs.

  Attributes:
    constant: name of its node; a vector with a value for each output.
    factor: what is added to it for each 1 that the outputs are too high.
  """

  constant: str
  factor: np.ndarray


def find(
  node: NodeDef, outputs: int, index: GraphIndex, kept: Set[str]
) -> Optional[Shift]:
  """Finds the bias or batch norm behind a kernel's node.

  Args:
    node: the convolution or product.
    outputs: its output channels.
    index: of the graph.
    kept: names of outputs of the graph, which nothing can be moved behind.

  Returns:
    What corrects the mean of its outputs, or None.
  """
  # None behind a product with what is computed.
  factor: Optional[np.ndarray] = -np.ones(outputs)
  # A product may stand between the kernel and what is added.
  for _ in range(2):
    follower = _only_follower(node, index, kept)
    if follower is None or attribute(follower, 'data_format').s == b'NCHW':
      return None
    if follower.op in _BATCH_NORMS:
      if attribute(follower, 'is_training').b or factor is None:
        return None
      return _shift_in(follower.input[3], index, -factor)
    if follower.op not in (*_ADDITIONS, 'Mul'):
      return None
    other = follower.input[1 if same_tensor(follower.input[0], node) else 0]
    if follower.op in _ADDITIONS:
      direct = None if factor is None else _shift_in(other, index, factor)
      return direct or _unfused_mean(other, index, outputs)
    scale = index.constant(other)
    factor = None if factor is None or scale is None else factor * scale
    node = follower
  return None


def _only_follower(
  node: NodeDef, index: GraphIndex, kept: Set[str]
) -> Optional[NodeDef]:
  consumers = index.consumers(node)
  if len(consumers) != 1 or node.name in kept or control_inputs(consumers[0]):
    return None
  reads = [r for r in consumers[0].input if node_name(r) == node.name]
  return consumers[0] if len(reads) == 1 else None


def _shift_in(
  reference: str, index: GraphIndex, factor: np.ndarray
) -> Optional[Shift]:
  constant = index.constant_node(reference)
  if constant is None or index.constant(constant.name).shape != factor.shape:
    return None
  return Shift(constant.name, factor)


def _unfused_mean(
  reference: str, index: GraphIndex, outputs: int
) -> Optional[Shift]:
  """The mean in `beta - mean * scale`, as batch norm in single ops has it."""
  difference = index.producer(reference)
  if difference is None or difference.op != 'Sub':
    return None
  product = index.producer(difference.input[1])
  if product is None or product.op != 'Mul':
    return None
  for side in product.input:
    constant = index.constant_node(side)
    if constant is not None and 'mean' in constant.name.rpartition('/')[2]:
      return _shift_in(side, index, np.ones(outputs))
  return None
