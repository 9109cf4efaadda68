"""Kernels that a graph computes from constants: masked, scaled or reshaped.

Such is a kernel behind its mask, that of a 1D convolution, which a dimension is
added to, and that of a dense layer on more than two dimensions, a reshaped one.
"""

from typing import Dict, List

import numpy as np

from object_detection_pruning.graphs import constant_folding, op_definitions
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  control_inputs,
  data_inputs,
  node_name,
)

# Their second input is a kernel.
READERS = (
  'Conv2D',
  'Conv2DBackpropInput',
  'Conv3D',
  'Conv3DBackpropInputV2',
  'DepthwiseConv2dNative',
  'MatMul',
)


def compute(graph_def: GraphDef) -> constant_folding.Replaced:
  """Computes every kernel that depends on constants alone.

  One that has more weights than the constants that it comes from stays as it
  is, since the graph would grow.

  Args:
    graph_def: a frozen graph; not changed.

  Raises:
    InputError: TensorFlow cannot compute a kernel.
  """
  index = GraphIndex(graph_def)
  sizes = _stored_sizes(index)
  names = _kernels(index, sizes)
  values = {
    name: value
    for name, value in constant_folding.compute(graph_def, names).items()
    if value.size <= sizes[name]
  }
  return constant_folding.replace(graph_def, values)


def _kernels(index: GraphIndex, sizes: Dict[str, int]) -> List[str]:
  """Names the nodes that compute kernels from constants, in their order."""
  found = {}  # type: Dict[str, None]
  for node in index.nodes.values():
    if node.op not in READERS or len(data_inputs(node)) < 2:
      continue
    kernel = index.producer(data_inputs(node)[1])
    while kernel is not None and kernel.op == 'Identity':
      kernel = index.producer(kernel.input[0])
    if kernel is not None and kernel.op != 'Const' and kernel.name in sizes:
      found[kernel.name] = None
  return list(found)


def _stored_sizes(index: GraphIndex) -> Dict[str, int]:
  """Gives, for nodes that depend on constants alone, the size of those."""
  sizes = {
    node.name: _size(node)
    for node in index.nodes.values()
    if node.op == 'Const' and not control_inputs(node)
  }
  waiting = list(sizes)
  while waiting:
    for node in index.consumers(index.nodes[waiting.pop()]):
      inputs = [node_name(each) for each in data_inputs(node)]
      if (
        node.name not in sizes
        and all(name in sizes for name in inputs)
        and _is_function_of_inputs(node)
      ):
        sizes[node.name] = sum(sizes[name] for name in inputs)
        waiting.append(node.name)
  return sizes


def _size(node: NodeDef) -> int:
  """The number of values in a constant."""
  shape = node.attr['value'].tensor.tensor_shape
  return int(np.prod([side.size for side in shape.dim], dtype=np.int64))


def _is_function_of_inputs(node: NodeDef) -> bool:
  """Whether a node gives one tensor, that its inputs alone decide."""
  if control_inputs(node) or node.op in constant_folding.NEVER:
    return False
  definition = op_definitions.KNOWN.find(node.op)
  if definition is None or definition.is_stateful:
    return False
  (output, *others) = definition.output_arg or [None]
  return (
    output is not None
    and not others
    and not output.number_attr
    and not output.type_list_attr
  )
