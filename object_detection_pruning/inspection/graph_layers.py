"""Finds the kernels in a frozen graph, plain or sparse."""

import hashlib
from typing import (
  Callable,
  Dict,
  Iterator,
  List,
  NamedTuple,
  Optional,
  Sequence,
)

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  attribute,
  data_inputs,
  node_name,
)
from object_detection_pruning.sparse_ops import packing


class GraphLayer(NamedTuple):
  """A kernel in a graph.

  Attributes:
    name: of the first node that has it.
    op: of that node.
    weights: the kernel; [height, width, inputs, outputs], with the depth first
      in three dimensions, or [inputs, outputs].
    applied: tensors at whose positions the kernel is applied, which are all
      dimensions but the channels; one for each node that has this kernel.
    channels_first: whether the channels are dimension 1 of those tensors.
  """

  name: str
  op: str
  weights: np.ndarray
  applied: List[str]
  channels_first: bool


def find(graph_def: GraphDef) -> List[GraphLayer]:
  """Finds every kernel that is a constant, in the order of the nodes.

  A kernel that several nodes apply is there once, be it one constant or a copy
  for each node.
  """
  index = GraphIndex(graph_def)
  layers = {}
  for node in graph_def.node:
    if node.op not in _KERNELS:
      continue
    for source, weights in _KERNELS[node.op](node, index):
      if weights is None:
        continue
      key = _identity(source, weights)
      if key not in layers:
        channels_first = attribute(node, 'data_format').s.startswith(b'NC')
        layers[key] = GraphLayer(
          _layer_name(node), node.op, weights, [], channels_first
        )
      layers[key].applied.append(_applied(node))
  return list(layers.values())


def _identity(source: str, weights: np.ndarray) -> tuple:
  """What two uses of one kernel have in common, and no two kernels have.

  A copy is known by its values, but kernels that are zero all over are alike.
  """
  if not weights.any():
    return weights.shape, source
  return weights.shape, hashlib.sha256(weights.tobytes()).digest()


def vectors(graph_def: GraphDef) -> Iterator[np.ndarray]:
  """Gives every bias and batch-norm scale and shift of a graph, once."""
  index = GraphIndex(graph_def)
  seen = set()
  for node in graph_def.node:
    for number in _VECTORS.get(node.op, ()):
      reference = _input(node, number)
      value = reference and index.constant(reference)
      if value is None or value.ndim != 1 or reference in seen:
        continue
      seen.add(reference)
      yield value


def _layer_name(node: NodeDef) -> str:
  # slim gives every layer a scope and calls the ops in it by their types.
  scope, _, last = node.name.rpartition('/')
  return scope if scope and last.split('_')[0] in _SCOPED_NAMES else node.name


def _applied(node: NodeDef) -> str:
  if node.op in _TRANSPOSED:
    # A transposed convolution applies its kernel at each position of its input.
    reference = data_inputs(node)[2]
    return reference if ':' in reference else reference + ':0'
  return node.name + ':0'


def _input(node: NodeDef, number: int) -> Optional[str]:
  references = data_inputs(node)
  # The last inputs are counted from the end, since a node has many before.
  inside = -len(references) <= number < len(references)
  return references[number] if inside else None


def _source(reference: str, index: GraphIndex) -> str:
  """The name of the constant behind a reference, seen through identities."""
  node = index.nodes[node_name(reference)]
  while node.op == 'Identity':
    node = index.nodes[node_name(node.input[0])]
  return node.name


def _constant(number: int) -> Callable:
  def read(node: NodeDef, index: GraphIndex) -> Sequence:
    reference = _input(node, number)
    if reference is None:
      return []
    return [(_source(reference, index), index.constant(reference))]

  return read


def _packed(node: NodeDef, index: GraphIndex) -> Sequence:
  number = packing.MASK_INPUTS[node.op]
  reference = _input(node, number)
  mask = index.constant(reference)
  values = index.constant(_input(node, number + 1))
  if mask is None or values is None:
    return []
  shape = tuple(attribute(node, 'kernel_shape').list.i)
  scales = None
  if attribute(node, 'num_scales').i:
    scales = index.constant(_input(node, -1))
  try:
    weights = packing.unpack(mask, values, shape, scales)
  except errors.InputError as error:
    raise errors.InputError(f'node {node.name} ({node.op}): {error}')
  return [(_source(reference, index), weights)]


def _separable(node: NodeDef, index: GraphIndex) -> Sequence:
  return [*_constant(1)(node, index), *_packed(node, index)]


# What reads the kernels of a node, by its op.
_KERNELS: Dict[str, Callable] = {
  'Conv2D': _constant(1),
  'DepthwiseConv2dNative': _constant(1),
  'Conv2DBackpropInput': _constant(1),
  'Conv3D': _constant(1),
  'Conv3DBackpropInputV2': _constant(1),
  'MatMul': _constant(1),
  'FusedConv2D': _constant(1),
  'FusedDepthwiseConv2D': _constant(1),
  'SparseConv2D': _packed,
  'SparseMatMulBias': _packed,
  'SparseSeparableConv2D': _separable,
}
_TRANSPOSED = ('Conv2DBackpropInput', 'Conv3DBackpropInputV2')
# The inputs of an op that are trained values, one for each channel.
_VECTORS = {
  'BiasAdd': (1,),
  'Add': (1,),
  'AddV2': (1,),
  'Mul': (1,),
  'FusedBatchNorm': (1, 2),
  'FusedBatchNormV2': (1, 2),
  'FusedBatchNormV3': (1, 2),
  'FusedConv2D': (2,),
  'FusedDepthwiseConv2D': (2,),
  'SparseConv2D': (3,),
  'SparseMatMulBias': (3,),
  'SparseSeparableConv2D': (2, 5),
}
_SCOPED_NAMES = (
  'Conv2D',
  'Conv3D',
  'MatMul',
  'depthwise',
  'separable',
  'convolution',
  'BiasAdd',
  'Relu',
  'Relu6',
)
