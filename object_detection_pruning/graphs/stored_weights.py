"""Weights that a graph stores in fewer bits than it computes with."""

from typing import Dict, List, Optional

from object_detection_pruning.graphs import constant_folding
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  control_inputs,
  data_inputs,
)

FAKE_QUANT = (
  'FakeQuantWithMinMaxArgs',
  'FakeQuantWithMinMaxVars',
  'FakeQuantWithMinMaxVarsPerChannel',
)
# Between what is stored and what is computed with.
_CONVERSIONS = ('Cast', 'Dequantize') + FAKE_QUANT
# Between the two as well where a graph folds its batch norm when it runs.
_FOLDING = ('Mul', 'Add', 'AddV2', 'Rsqrt', 'Reshape')
_READ_BY = (
  'Conv2D',
  'DepthwiseConv2dNative',
  'Conv2DBackpropInput',
  'MatMul',
  'BiasAdd',
  'Add',
  'AddV2',
  'Mul',
  'FusedBatchNorm',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
)


def unpack(graph_def: GraphDef) -> constant_folding.Replaced:
  """Makes constants of what converts constants for a layer.

  So are weights of half precision, and those of 8 bits that are scaled or
  rounded when the graph runs, also where batch norm is folded into them first,
  as training for 8 bits does it.

  Args:
    graph_def: a frozen graph; not changed.

  Raises:
    InputError: TensorFlow cannot compute what a layer reads.
  """
  if not any(node.op in _CONVERSIONS for node in graph_def.node):
    return constant_folding.Replaced(graph_def, [])
  names = _conversions(GraphIndex(graph_def))
  values = constant_folding.compute(graph_def, names)
  return constant_folding.replace(graph_def, values)


def _conversions(index: GraphIndex) -> List[str]:
  """Names the conversions of constants that a layer reads, in their order."""
  stored = {}  # type: Dict[str, bool]
  found = {}  # type: Dict[str, None]
  for node in index.nodes.values():
    if node.op in _READ_BY:
      for reference in data_inputs(node)[1:]:
        name = _conversion(reference, index)
        if name and _is_stored(name, index, stored):
          found[name] = None
  return list(found)


def _conversion(reference: str, index: GraphIndex) -> str:
  """The conversion behind an input, seen through identities, or ''."""
  node = _behind_identities(reference, index)
  return node.name if node is not None and node.op in _CONVERSIONS else ''


def _behind_identities(reference: str, index: GraphIndex) -> Optional[NodeDef]:
  node = index.producer(reference)
  while node is not None and node.op == 'Identity':
    node = index.producer(node.input[0])
  return node


def _is_stored(name: str, index: GraphIndex, stored: Dict[str, bool]) -> bool:
  """Whether a conversion depends on constants alone."""
  if name not in stored:
    # What comes back to itself does not depend on constants alone.
    stored[name] = False
    node = index.nodes[name]
    stored[name] = not control_inputs(node) and all(
      _is_constant(each, index, stored) for each in data_inputs(node)
    )
  return stored[name]


def _is_constant(
  reference: str, index: GraphIndex, stored: Dict[str, bool]
) -> bool:
  if index.constant_node(reference) is not None:
    return True
  node = _behind_identities(reference, index)
  return (
    node is not None
    and node.op in _CONVERSIONS + _FOLDING
    and _is_stored(node.name, index, stored)
  )
