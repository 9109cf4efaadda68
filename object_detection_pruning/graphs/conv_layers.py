"""Finds convolutional layers: a kernel, then batch norm, bias, activation.

Matching is strict. A layer is taken only where its form is known in every
attribute and shape; the first node that does not fit ends the layer before it,
and a layer whose kernel does not fit is left alone, with the reason.
"""

from typing import Iterator, List, NamedTuple, Optional, Sequence, Set, Union

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import scale_and_shift
from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
  control_inputs,
  data_inputs,
  same_tensor,
)

CONVOLUTION = 'Conv2D'
DEPTHWISE = 'DepthwiseConv2dNative'
FULLY_CONNECTED = 'MatMul'
KERNEL_OPS = (CONVOLUTION, DEPTHWISE, FULLY_CONNECTED)

_BATCH_NORMS = ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3')
_ACTIVATIONS = {'Relu': 'relu', 'Relu6': 'relu6'}


class Layer(NamedTuple):
  """A kernel and what directly follows it, batch norm folded in.

  Attributes:
    kind: op of the kernel's node.
    nodes: of the layer, from the kernel to the last.
    input: reference of the layer's input.
    weights: float32 [height, width, inputs, outputs], for depthwise layers
      [height, width, channels, multiplier], for fully connected ones
      [inputs, outputs].
    bias: float32 [outputs].
    activation: none, relu or relu6.
    strides: height and width.
    padding: SAME, VALID or EXPLICIT.
    explicit_paddings: top, bottom, left, right; empty unless EXPLICIT.
  """

  kind: str
  nodes: List[NodeDef]
  input: str
  weights: np.ndarray
  bias: np.ndarray
  activation: str
  strides: List[int]
  padding: str
  explicit_paddings: List[int]

  @property
  def name(self) -> str:
    """Of the last node, which is what others refer to."""
    return self.nodes[-1].name

  @property
  def sparsity(self) -> float:
    """The share of zeros in the kernel."""
    return 1.0 - np.count_nonzero(self.weights) / self.weights.size


class Rejected(NamedTuple):
  """A kernel that stays as it is.

  Attributes:
    node: the kernel's node.
    reason: why, in a few words.
  """

  node: NodeDef
  reason: str


def find(
  graph_def: tf.GraphDef, index: GraphIndex, kept: Set[str]
) -> Iterator[Union[Layer, Rejected]]:
  """Finds every layer of a graph.

  Args:
    graph_def: the graph.
    index: of the same graph.
    kept: names of nodes whose value must stay available, so that they can only
      be the last of a layer.

  Yields:
    A Layer or, for a kernel that does not fit, why not.
  """
  for node in graph_def.node:
    if node.op in KERNEL_OPS:
      reason = _misfit(node, index)
      if reason:
        yield Rejected(node, reason)
      else:
        yield _layer(node, index, kept)


def _misfit(node: NodeDef, index: GraphIndex) -> str:
  """Why a kernel's node is of no known form; nothing where it is."""
  dtype = attribute(node, 'T').type
  if dtype != tf.float32.as_datatype_enum:
    return f'its type is number {dtype}, not float32'
  inputs = data_inputs(node)
  weights = index.constant(inputs[1]) if len(inputs) == 2 else None
  if weights is None:
    return 'its weights are no constant'
  if weights.size == 0 or not np.all(np.isfinite(weights)):
    return 'its weights are empty or not finite'
  if node.op == FULLY_CONNECTED:
    if attribute(node, 'transpose_a').b or attribute(node, 'transpose_b').b:
      return 'it multiplies a transposed matrix'
    return '' if weights.ndim == 2 else 'its weights are no matrix'
  if weights.ndim != 4:
    return 'its weights have not four dimensions'
  return _window_misfit(node, weights.shape[:2])


def _window_misfit(node: NodeDef, window: Sequence[int]) -> str:
  layout = attribute(node, 'data_format').s
  if layout != b'NHWC':
    return f'its layout is {layout.decode()}, not NHWC'
  if any(d != 1 for d in attribute(node, 'dilations').list.i):
    return 'it is dilated'
  strides = list(attribute(node, 'strides').list.i)
  if len(strides) != 4 or strides[0] != 1 or strides[3] != 1:
    return 'it strides over images or channels'
  padding = attribute(node, 'padding').s
  if padding in (b'SAME', b'VALID'):
    return ''
  pads = list(attribute(node, 'explicit_paddings').list.i)
  if padding != b'EXPLICIT' or len(pads) != 8 or any(pads[:2] + pads[6:]):
    return f'its padding is {padding.decode()}'
  if max(pads[2:4]) >= window[0] or max(pads[4:6]) >= window[1]:
    return 'its padding is as wide as its kernel'
  return ''


def _layer(node: NodeDef, index: GraphIndex, kept: Set[str]) -> Layer:
  inputs = data_inputs(node)
  weights = index.constant(inputs[1]).astype(np.float32)
  affine = scale_and_shift.Affine.identity(
    weights.shape[2] * weights.shape[3]
    if node.op == DEPTHWISE
    else weights.shape[-1]
  )
  nodes = [node]
  activation = 'none'
  while activation == 'none':
    follower = _only_follower(nodes[-1], index, kept)
    if follower is None:
      break
    if follower.op in _ACTIVATIONS:
      activation = _ACTIVATIONS[follower.op]
    else:
      step = _affine_of(follower, nodes[-1], index, affine.size)
      if step is None:
        break
      affine = affine.then(step)
    nodes.append(follower)
  scale = affine.scale
  if node.op == DEPTHWISE:
    scale = scale.reshape(weights.shape[2:])
  pads = list(attribute(node, 'explicit_paddings').list.i)
  return Layer(
    kind=node.op,
    nodes=nodes,
    input=inputs[0],
    weights=(weights * scale).astype(np.float32),
    bias=affine.shift.astype(np.float32),
    activation=activation,
    strides=list(attribute(node, 'strides').list.i)[1:3],
    padding=attribute(node, 'padding').s.decode(),
    explicit_paddings=pads[2:6]
    if attribute(node, 'padding').s == b'EXPLICIT'
    else [],
  )


def _only_follower(
  node: NodeDef, index: GraphIndex, kept: Set[str]
) -> Optional[NodeDef]:
  """The one node that takes this one's first output, if nobody else does."""
  consumers = index.consumers(node)
  if len(consumers) != 1 or node.name in kept:
    return None
  follower = consumers[0]
  references = [
    r for r in follower.input if r.lstrip('^').split(':')[0] == node.name
  ]
  if (
    len(references) != 1
    or control_inputs(follower)
    or not same_tensor(follower.input[0], node)
  ):
    return None
  return follower


def _affine_of(
  node: NodeDef, previous: NodeDef, index: GraphIndex, size: int
) -> Optional['scale_and_shift.Affine']:
  """What a node does to every channel, if that is a scale and a shift."""
  if attribute(node, 'T').type != tf.float32.as_datatype_enum:
    return None
  # What only adds or multiplies has no layout.
  if attribute(node, 'data_format').s not in (b'NHWC', b''):
    return None
  constants = [index.constant(reference) for reference in node.input[1:]]
  if any(c is None or c.dtype != np.float32 for c in constants):
    return None
  if node.op in _BATCH_NORMS:
    return _batch_norm(node, index, constants, size)
  if len(constants) != 1 or constants[0].shape != (size,):
    return None
  if node.op in ('BiasAdd', 'Add', 'AddV2'):
    return scale_and_shift.Affine(
      np.ones(size), constants[0].astype(np.float64)
    )
  if node.op == 'Mul':
    return scale_and_shift.Affine(
      constants[0].astype(np.float64), np.zeros(size)
    )
  return None


def _batch_norm(
  node: NodeDef, index: GraphIndex, constants: List[np.ndarray], size: int
) -> Optional['scale_and_shift.Affine']:
  if attribute(node, 'is_training').b or len(constants) != 4:
    return None
  if any(c.shape != (size,) for c in constants):
    return None
  # The statistics that it also gives out are nobody's business here.
  outputs = _used_outputs(node, index)
  if outputs - {node.name, node.name + ':0'}:
    return None
  return scale_and_shift.of_batch_norm(
    *constants, epsilon=attribute(node, 'epsilon').f
  )


def _used_outputs(node: NodeDef, index: GraphIndex) -> Set[str]:
  return {
    reference
    for consumer in index.consumers(node)
    for reference in data_inputs(consumer)
    if reference.split(':')[0] == node.name
  }
