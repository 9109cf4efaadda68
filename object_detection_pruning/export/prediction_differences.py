"""How far apart what two detection graphs predict is, before any selection.

Detections say little of rounding: two of all but equal score change places, or
one falls out, and a comparison place by place shows another box.
"""

from typing import Any, Dict, List

from object_detection_pruning.common import sessions
from object_detection_pruning.graphs import graph_index, graph_outputs
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

  def __init__(self, plain: GraphDef, other: GraphDef):
    """Loads the graphs.

    Args:
      plain: a frozen detection graph.
      other: the same, made from it, with the names of its layers.
    """
    names = {node.name for node in other.node}
    self._predictions = [
      name for name in predictions(plain) if name.split(':')[0] in names
    ]
    self._boxes = [
      name for name in _cropped_boxes(plain) if name.split(':')[0] in names
    ]
    self._plain = sessions.open_session(plain)
    self._other = sessions.open_session(other)

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
    first, boxes = self._plain.run((self._predictions, self._boxes), feeds)
    second = self._other.run(
      self._predictions, dict(feeds, **dict(zip(self._boxes, boxes)))
    )
    return {
      name: graph_comparison.scaled_difference(a, b)
      for name, a, b in zip(self._predictions, first, second)
    }


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
