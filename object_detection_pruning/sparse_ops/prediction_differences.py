"""How far apart what two detection graphs predict is, before any selection.

Detections say little of rounding: two of all but equal score change places, or
one falls out, and a comparison by numbers in the list shows another box.
"""

from typing import Any, Dict, List, Optional, Sequence, Tuple

from object_detection_pruning.graphs import (
  graph_index,
  graph_outputs,
  importing,
)
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import graph_comparison

# What ends a layer; batch norm becomes a bias of its name where it is folded.
_LAYER_ENDS = (
  'BiasAdd',
  'Conv2D',
  'DepthwiseConv2dNative',
  'FusedBatchNorm',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
  'MatMul',
)
# What depends on the size of a tensor alone.
_SIZES = ('Shape', 'ShapeN', 'Size', 'Rank')
_CROPS = 'CropAndResize'
_CROPPED_BOXES = 1


class Comparer:
  """Runs two graphs of one detector on images."""

  def __init__(
    self,
    plain: GraphDef,
    other: GraphDef,
    moved: Optional[Dict[str, str]] = None,
  ):
    """Loads the graphs.

    Args:
      plain: a frozen detection graph.
      other: the same, made from it, with the names of its layers.
      moved: from nodes of the plain graph to what their output is called in the
        other one, where that is not the same.
    """
    self._moved = moved or {}
    names = {node.name for node in other.node}

    def shared(tensors: List[str]) -> List[str]:
      return [t for t in tensors if self._named(t).split(':')[0] in names]

    self._predictions = shared(predictions(plain))
    self._boxes = shared(_cropped_boxes(plain))
    self._plain = importing.open_session(plain)
    self._other = importing.open_session(other)

  def scaled_differences(self, feeds: Dict[str, Any]) -> Dict[str, float]:
    """Gives the largest difference of each prediction, as a share of its scale.

    A later stage gets the same boxes in both graphs, as it would else look at
    other pixels where two proposals change theirs.

    Args:
      feeds: an image, as `sample_feeds.make` gives it.

    Returns:
      From each prediction's name to its largest difference, divided by the
      largest magnitude in it. Empty where the graphs have none in common.
    """
    first, boxes = importing.run(
      self._plain, (self._predictions, self._boxes), feeds
    )
    same = dict(zip(map(self._named, self._boxes), boxes))
    second = importing.run(
      self._other,
      [self._named(name) for name in self._predictions],
      dict(feeds, **same),
    )
    return {
      name: graph_comparison.scaled_difference(a, b)
      for name, a, b in zip(self._predictions, first, second)
    }

  def outputs(
    self, names: Sequence[str], feeds: Dict[str, Any]
  ) -> Tuple[List[Any], List[Any]]:
    """Gives outputs that have one name in both graphs, of each graph."""
    fetches = list(names)
    first = importing.run(self._plain, fetches, feeds)
    return first, importing.run(self._other, fetches, feeds)

  def _named(self, tensor: str) -> str:
    """Gives the name of a tensor of the plain graph in the other one."""
    name, _, number = tensor.partition(':')
    moved = self._moved.get(name) if number == '0' else None
    if moved is None:
      return tensor
    return moved if ':' in moved else moved + ':0'


def predictions(graph_def: GraphDef) -> List[str]:
  """The tensors that detections are selected from: ends of the last layers.

  Args:
    graph_def: a frozen detection graph.

  Returns:
    Their names; in a detector with several stages, those of each stage.
  """
  nodes = {node.name: node for node in graph_def.node}
  found = []
  reached = set()
  # A later stage decides only through the boxes that it crops.
  ends = graph_outputs.detection_outputs(graph_def) + _cropped_boxes(graph_def)
  waiting = [name.split(':')[0] for name in ends]
  while waiting:
    name = waiting.pop()
    if name in reached:
      continue
    reached.add(name)
    if nodes[name].op in _LAYER_ENDS:
      found.append(name + ':0')
    elif nodes[name].op not in _SIZES:
      waiting += [graph_index.node_name(each) for each in nodes[name].input]
  return sorted(found)


def _cropped_boxes(graph_def: GraphDef) -> List[str]:
  references = {
    graph_index.data_inputs(node)[_CROPPED_BOXES]
    for node in graph_def.node
    if node.op == _CROPS
  }
  return sorted(
    reference if ':' in reference else reference + ':0'
    for reference in references
  )
