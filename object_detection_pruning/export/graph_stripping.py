"""Masks of a frozen graph folded into its weights, by NumPy alone."""

import collections
from typing import Dict, Iterable, List, NamedTuple, Optional

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.core import kernels
from object_detection_pruning.graphs import freezing, graph_index, subgraphs
from object_detection_pruning.graphs.graph_index import GraphDef, NodeDef

# What hands its first input on as it is: reading, loops and conditions.
_PASSING_OPS = ('Identity', 'Enter', 'Switch')
_MASK_NAMES = ('mask', 'depthwise_mask')
_PRODUCT_NAMES = ('masked_weight', 'depthwise_masked_weight')


class FoldedKernel(NamedTuple):
  """A kernel that a mask was folded into."""

  name: str
  size: int
  zeros: int


class StrippedGraph(NamedTuple):
  """A graph without pruning variables.

  Attributes:
    graph_def: the graph.
    kernels: what masks were folded into, by name.
  """

  graph_def: GraphDef
  kernels: List[FoldedKernel]

  @property
  def sparsity(self) -> float:
    """Fraction of zeros over the kernels that had a mask."""
    size = sum(kernel.size for kernel in self.kernels)
    return sum(kernel.zeros for kernel in self.kernels) / size


class _Product(NamedTuple):
  """A multiplication of a kernel by its mask.

  Attributes:
    node: multiplies.
    weights: constant node.
    mask: constant node.
    path: nodes from the constant to the product, the constant first.
    reference: the product's input that is the kernel.
  """

  node: NodeDef
  weights: NodeDef
  mask: NodeDef
  path: List[NodeDef]
  reference: str


def strip(graph_def: GraphDef, outputs: Iterable[str]) -> StrippedGraph:
  """Folds masks into weights and drops what only pruning needed.

  A kernel that several layers share stays one constant. Constants keep the
  names of the kernels, as in the graph of a model that never had masks.

  Args:
    graph_def: a frozen graph, without nodes that the outputs do not need; used
      up by this.
    outputs: names of the nodes to keep, each in the graph.

  Raises:
    InputError: there is no mask in the graph, or one holds other values than 0
      and 1.
  """
  outputs = list(outputs)
  index = graph_index.GraphIndex(graph_def)
  products = [
    product
    for product in (_match(node, index) for node in graph_def.node)
    if product is not None
  ]
  if not products:
    raise errors.InputError(
      'nothing to strip: the outputs depend on no mask (no masked_weight)'
    )
  by_pair: Dict[tuple, List[_Product]] = collections.OrderedDict()
  for product in products:
    key = (product.weights.name, product.mask.name)
    by_pair.setdefault(key, []).append(product)
  folded = []
  renamed: Dict[str, str] = {}
  for sharing in by_pair.values():
    weights = _fold(sharing[0], index)
    zeros = weights.size - np.count_nonzero(weights)
    folded.append(
      FoldedKernel(sharing[0].weights.name, weights.size, int(zeros))
    )
    if _only_masked(sharing, index, outputs):
      copies = {}
      freezing.set_constant(sharing[0].weights, weights)
    else:
      copies = _copy_paths(sharing, graph_def, index)
      freezing.set_constant(copies[sharing[0].weights.name], weights)
    for product in sharing:
      reference = _renamed(
        product.reference, {name: copy.name for name, copy in copies.items()}
      )
      if product.node.name in outputs:
        _pass_on(product.node, reference)
      else:
        renamed[product.node.name] = reference
  for node in graph_def.node:
    for i, reference in enumerate(node.input):
      node.input[i] = _renamed(reference, renamed)
  stripped = subgraphs.extract(graph_def, outputs)
  return StrippedGraph(stripped, sorted(folded))


def _match(node: NodeDef, index: graph_index.GraphIndex) -> Optional[_Product]:
  if node.op != 'Mul':
    return None
  references = graph_index.data_inputs(node)
  paths = [_path(reference, index) for reference in references]
  if None in paths:
    return None
  is_product = node.name.rpartition('/')[2].startswith(_PRODUCT_NAMES)
  for mask, weights in ((0, 1), (1, 0)):
    name = paths[mask][0].name
    kernel = paths[weights][0].name
    if name.rpartition('/')[2] in _MASK_NAMES and (
      is_product or _is_mask_of(name, kernel)
    ):
      return _Product(
        node,
        paths[weights][0],
        paths[mask][0],
        paths[weights],
        references[weights],
      )
  return None


def _is_mask_of(name: str, kernel: str) -> bool:
  # The rank is not known here, and a kernel has at least two dimensions.
  return (
    kernels.kind_of(kernel, 2) is not None
    and name == (kernels.mask_names(kernel)[0])
  )


def _path(
  reference: str, index: graph_index.GraphIndex
) -> Optional[List[NodeDef]]:
  """The nodes from a constant to a reference, or None if it is no constant."""
  path = []
  node = index.nodes[graph_index.node_name(reference)]
  while node.op in _PASSING_OPS:
    path.append(node)
    node = index.nodes[graph_index.node_name(node.input[0])]
  return (path + [node])[::-1] if node.op == 'Const' else None


def _fold(product: _Product, index: graph_index.GraphIndex) -> np.ndarray:
  mask = index.constant(product.mask.name)
  weights = index.constant(product.weights.name)
  if mask.shape != weights.shape:
    raise errors.InputError(
      f'{product.mask.name} has the shape {list(mask.shape)} and '
      f'{product.weights.name} {list(weights.shape)}'
    )
  if not np.isin(mask, (0, 1)).all():
    raise errors.InputError(
      f'{product.mask.name} must hold zeros and ones only'
    )
  # A product would turn a masked infinity into a NaN, and a masked negative
  # weight into -0.
  return np.where(mask == 0, 0, weights).astype(weights.dtype)


def _only_masked(
  sharing: List[_Product],
  index: graph_index.GraphIndex,
  outputs: Iterable[str],
) -> bool:
  """Whether nobody reads the kernel without this mask."""
  products = {product.node.name for product in sharing}
  waiting = [sharing[0].weights]
  while waiting:
    node = waiting.pop()
    if node.name in outputs:
      return False
    for consumer in index.consumers(node):
      if consumer.name in products:
        continue
      reads = [
        each
        for each in graph_index.data_inputs(consumer)
        if graph_index.node_name(each) == node.name
      ]
      if not reads:
        continue
      if consumer.op not in _PASSING_OPS:
        return False
      waiting.append(consumer)
  return True


def _copy_paths(
  sharing: List[_Product],
  graph_def: GraphDef,
  index: graph_index.GraphIndex,
) -> Dict[str, NodeDef]:
  """Adds a second way from the kernel to its products, and gives its nodes."""
  copies: Dict[str, NodeDef] = {}
  for product in sharing:
    for node in product.path:
      if node.name in copies:
        continue
      copy = graph_def.node.add()
      copy.CopyFrom(node)
      copy.name = node.name + '/masked'
      while copy.name in index.nodes:
        copy.name += '_'
      index.nodes[copy.name] = copy
      copies[node.name] = copy
      if node is not product.weights:
        source = graph_index.node_name(node.input[0])
        copy.input[0] = _renamed(node.input[0], {source: copies[source].name})
  return copies


def _renamed(reference: str, renamed: Dict[str, str]) -> str:
  new = renamed.get(graph_index.node_name(reference))
  if new is None:
    return reference
  if graph_index.is_control(reference):
    return '^' + graph_index.node_name(new)
  output = reference.partition(':')[2]
  return f'{new}:{output}' if output not in ('', '0') else new


def _pass_on(node: NodeDef, reference: str) -> None:
  """Turns a product that is an output itself into a name for the kernel."""
  node.op = 'Identity'
  del node.input[:]
  node.input.append(reference)
