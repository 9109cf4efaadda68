"""What a graph is run for."""

from typing import List

from object_detection_pruning.graphs.graph_index import GraphDef, GraphIndex

_DETECTIONS = (
  'num_detections',
  'detection_boxes',
  'detection_scores',
  'detection_classes',
  'detection_masks',
)


def detection_outputs(graph_def: GraphDef) -> List[str]:
  """What a detector is run for; of another graph, all its outputs.

  Stock graphs also give out features, which take a second pass through the
  second stage: whoever runs them does not ask for those.
  """
  names = {node.name for node in graph_def.node}
  found = [name + ':0' for name in _DETECTIONS if name in names]
  return found or output_names(graph_def)


def output_names(graph_def: GraphDef) -> List[str]:
  """The tensors that nobody in the graph reads, constants aside."""
  index = GraphIndex(graph_def)
  return [
    node.name + ':0'
    for node in graph_def.node
    if not index.consumers(node)
    and node.op not in ('Const', 'Placeholder', 'NoOp', 'Assert')
  ]
