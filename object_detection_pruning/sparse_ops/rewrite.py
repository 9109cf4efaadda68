"""Rewrites a frozen graph so that its zeros cost nothing.

Layers whose kernel has enough zeros become sparse ops. What is left slow then,
depthwise layers, the first convolution, pooling, becomes fused ops. Every other
layer gets its batch norm folded. All that is of no known form stays as it is.
"""

from typing import Dict, Iterable, List, NamedTuple, Optional, Set

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import (
  computed_kernels,
  map_loops,
  stored_weights,
  subgraphs,
)
from object_detection_pruning.graphs import conv_layers as layers_lib
from object_detection_pruning.graphs.conv_layers import Layer, Rejected
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  control_inputs,
  node_name,
)
from object_detection_pruning.sparse_ops import (
  byte_values,
  casts,
  concatenations,
  loading,
  nodes,
  pictures,
  pools,
  replacing,
  resizes,
  sharing,
  suppressions,
)
from object_detection_pruning.sparse_ops.replacing import Replacement
from object_detection_pruning.sparse_ops.report import Entry, RewriteReport

# Sparse is faster from 0.45 on at the latest; the rest is for other machines.
DEFAULT_MIN_SPARSITY = 0.6
FLOAT_BITS = 32
_FEW_CHANNELS = 4
_FEWEST_DENSE_OUTPUTS = 16


class Rewritten(NamedTuple):
  """A rewritten graph.

  Attributes:
    graph_def: the graph.
    report: what became of every layer.
    origins: for each node that was made, the nodes that it stands for.
    moved: nodes whose output is that of another node now, and its name.
  """

  graph_def: GraphDef
  report: RewriteReport
  origins: Dict[str, List[str]]
  moved: Dict[str, str]


def rewrite(
  graph_def: GraphDef,
  outputs: Iterable[str] = (),
  min_sparsity: float = DEFAULT_MIN_SPARSITY,
  value_bits: int = FLOAT_BITS,
) -> Rewritten:
  """Rewrites a frozen graph.

  Args:
    graph_def: the graph; not changed.
    outputs: names of nodes whose first output must stay, besides all nodes
      that nobody reads.
    min_sparsity: kernels with a smaller share of zeros stay dense.
    value_bits: of each stored weight of a sparse layer, 32 or 8.

  Returns:
    The rewritten graph and a report.

  Raises:
    InputError: min_sparsity is not in [0, 1], value_bits is neither, an output
      is not in the graph, or the graph has sparse ops already.
  """
  check_settings(min_sparsity, value_bits)
  graph_def, unpacked = stored_weights.unpack(graph_def)
  graph_def, computed = computed_kernels.compute(graph_def)
  index = GraphIndex(graph_def)
  subgraphs.check_outputs(graph_def, outputs)
  if loading.uses_sparse_ops(graph_def):
    raise errors.InputError('the graph has sparse ops already')
  kept = set(outputs) | {
    node.name
    for node in graph_def.node
    if not index.consumers(node) and not _is_left_over(node, index)
  }
  found = list(layers_lib.find(graph_def, index, kept))
  layers = [item for item in found if isinstance(item, Layer)]
  replacements = _replace_layers(layers, index, kept, min_sparsity)
  replacements += _replace_others(graph_def, index, kept)
  rewritten = replacing.apply(graph_def, index, replacements, kept)
  replacements = _needed(replacements, rewritten)
  entries = [entry for r in replacements for entry in r.entries]
  joined = concatenations.join(rewritten, kept)
  entries += _changed(joined, 'ConcatV2 in place')
  if value_bits == byte_values.BITS:
    entries += _changed(byte_values.store(rewritten), 'weights in 8 bits')
  entries += _changed(unpacked, 'weights as float32')
  entries += _changed(computed, 'kernel as constant')
  entries += [_rejected(item) for item in found if isinstance(item, Rejected)]
  entries += _rounded_activations(rewritten)
  sharing.share_constants(rewritten, index.nodes)
  origins = {
    made.name: [node.name for node in replacement.replaced]
    for replacement in replacements
    for made in replacement.made
  }
  moved = {
    old: new for each in replacements for old, new in each.renamed.items()
  }
  return Rewritten(rewritten, RewriteReport(entries), origins, moved)


def check_settings(min_sparsity: float, value_bits: int) -> None:
  """Raises `InputError` for what `rewrite` does not take."""
  if not 0 <= min_sparsity <= 1:
    raise errors.InputError(
      f'min_sparsity must be in [0, 1], got {min_sparsity}'
    )
  if value_bits not in (FLOAT_BITS, byte_values.BITS):
    raise errors.InputError(
      f'value_bits must be {FLOAT_BITS} or {byte_values.BITS}, got {value_bits}'
    )


def _changed(names: Iterable[str], what: str) -> List[Entry]:
  return [Entry(name, what, None, None, '') for name in names]


def _rejected(item: Rejected) -> Entry:
  note = 'kept: ' + item.reason
  return Entry(item.node.name, item.node.op, None, None, note)


def _rounded_activations(rewritten: GraphDef) -> List[Entry]:
  """What is left of FakeQuant: that of weights is computed already."""
  note = 'kept: rounds activations, so that no layer reaches over it'
  return [
    Entry(node.name, node.op, None, None, note)
    for node in rewritten.node
    if node.op in stored_weights.FAKE_QUANT
  ]


def _is_left_over(node: NodeDef, index: GraphIndex) -> bool:
  """Whether a node that nobody reads cannot be meant as an output.

  What a loop computes in each turn cannot be fetched.
  """
  return (
    node.op == 'Const'
    and bool(control_inputs(node))
    and index.waits_for_loop_only(node)
  )


def _needed(
  replacements: List[Replacement], rewritten: GraphDef
) -> List[Replacement]:
  """Those that are not part of what others replaced."""
  names = {node.name for node in rewritten.node}
  return [
    each
    for each in replacements
    if not each.made or any(node.name in names for node in each.made)
  ]


def _replace_others(
  graph_def: GraphDef, index: GraphIndex, kept: Set[str]
) -> List[Replacement]:
  """Replaces what has no kernel: suppressions, pictures and so on."""
  loops = list(map_loops.find(graph_def, index))
  replacements = list(suppressions.find(index, loops))
  replacements += pictures.find(index, loops, kept)
  for node in graph_def.node:
    pool = pools.match(node, index, kept)
    if pool is not None:
      entry = Entry(node.name, pool.made[-1].op, None, None, '')
      replacements.append(Replacement(pool.replaced, pool.made, {}, [entry]))
    made = resizes.match(node, index) or casts.match(node)
    if made is not None:
      entry = Entry(node.name, made.op, None, None, '')
      replacements.append(Replacement([node], [made], {}, [entry]))
  return replacements


def _replace_layers(
  layers: List[Layer], index: GraphIndex, kept: Set[str], min_sparsity: float
) -> List[Replacement]:
  by_end = {layer.name: layer for layer in layers}
  is_sparse = {layer.name: _is_sparse(layer, min_sparsity) for layer in layers}
  replacements = []
  done = set()  # type: Set[str]

  def replace(made_layers, made, renamed=None):
    done.update(layer.name for layer in made_layers)
    replaced = [node for layer in made_layers for node in layer.nodes]
    op, node = made[-1].op, made[-1].name
    entries = [
      Entry(layer.name, op, layer.weights.shape, layer.sparsity, '', node)
      for layer in made_layers
    ]
    replacements.append(Replacement(replaced, made, renamed or {}, entries))

  for layer in layers:
    depthwise = _depthwise_before(layer, by_end, index, kept)
    if is_sparse[layer.name] and depthwise is not None:
      replace([depthwise, layer], nodes.sparse_separable(depthwise, layer))
  sparse = [
    layer
    for layer in layers
    if is_sparse[layer.name] and layer.name not in done
  ]
  for siblings in _siblings(sparse, kept):
    name = siblings[0].name + '/siblings'
    renamed = {
      layer.name: f'{name}:{i}' if i else name
      for i, layer in enumerate(siblings)
    }
    replace(siblings, nodes.sparse_convolution(name, siblings), renamed)
  for layer in layers:
    if layer.name in done:
      continue
    if is_sparse[layer.name]:
      if layer.kind == layers_lib.FULLY_CONNECTED:
        replace([layer], nodes.sparse_matmul(layer))
      else:
        replace([layer], nodes.sparse_convolution(layer.name, [layer]))
    elif _is_fusible(layer):
      replace([layer], nodes.fused_dense(layer))
    else:
      replacements.append(_keep_dense(layer, min_sparsity))
  return replacements


def _is_sparse(layer: Layer, min_sparsity: float) -> bool:
  return layer.kind != layers_lib.DEPTHWISE and layer.sparsity >= min_sparsity


def _is_fusible(layer: Layer) -> bool:
  """Whether a dense layer is faster as one of the fused ops."""
  height, width, inputs, last = (list(layer.weights.shape) + [0, 0])[:4]
  if layer.kind == layers_lib.DEPTHWISE:
    return last in (1, 8)
  return (
    layer.kind == layers_lib.CONVOLUTION
    and inputs <= _FEW_CHANNELS
    and last >= _FEWEST_DENSE_OUTPUTS
  )


def _keep_dense(layer: Layer, min_sparsity: float) -> Replacement:
  reason = 'depthwise multiplier other than 1 and 8'
  if layer.kind != layers_lib.DEPTHWISE:
    reason = f'fewer than {min_sparsity:g} zeros'
  entry = Entry(
    layer.name,
    layer.kind,
    layer.weights.shape,
    layer.sparsity,
    'kept: ' + reason,
  )
  if len(layer.nodes) == 1 or layer.kind == layers_lib.FULLY_CONNECTED:
    return Replacement([], [], {}, [entry])
  if layer.nodes[1].op == 'BiasAdd' and len(layer.nodes) <= 3:
    # Nothing to fold: there is only the bias.
    return Replacement([], [], {}, [entry])
  folded = entry._replace(note='batch norm folded; ' + entry.note)
  return Replacement(layer.nodes, nodes.folded(layer), {}, [folded])


def _depthwise_before(
  layer: Layer, by_end: Dict[str, Layer], index: GraphIndex, kept: Set[str]
) -> Optional[Layer]:
  """The depthwise 3x3 layer whose only use is this pointwise layer."""
  if layer.kind != layers_lib.CONVOLUTION or layer.strides != [1, 1]:
    return None
  if layer.weights.shape[:2] != (1, 1) or layer.padding == 'EXPLICIT':
    return None
  before = by_end.get(node_name(layer.input))
  if before is None or before.kind != layers_lib.DEPTHWISE:
    return None
  if before.weights.shape[:2] != (3, 3) or before.weights.shape[3] != 1:
    return None
  end = before.nodes[-1]
  if end.name in kept or len(index.consumers(end)) != 1:
    return None
  if control_inputs(layer.nodes[0]) or layer.input != end.name:
    return None
  return before


def _siblings(layers: List[Layer], kept: Set[str]) -> List[List[Layer]]:
  """Sparse convolutions that can share one pass over their common input."""
  groups = {}  # type: Dict[tuple, List[Layer]]
  for layer in layers:
    if layer.kind != layers_lib.CONVOLUTION or layer.name in kept:
      continue
    if control_inputs(layer.nodes[0]):
      continue
    key = (
      layer.input,
      layer.weights.shape[:3],
      tuple(layer.strides),
      layer.padding,
      tuple(layer.explicit_paddings),
      layer.activation,
    )
    groups.setdefault(key, []).append(layer)
  return [group for group in groups.values() if len(group) > 1]
