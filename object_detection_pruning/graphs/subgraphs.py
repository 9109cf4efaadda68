"""The part of a graph that its outputs need."""

from typing import Iterable, List

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import graph_index
from object_detection_pruning.graphs.graph_index import GraphDef

_MOST_NAMED = 6


def sinks(graph_def: GraphDef) -> List[str]:
  """Lists the nodes that nobody reads, in the order of the graph."""
  read = {
    graph_index.node_name(reference)
    for node in graph_def.node
    for reference in node.input
  }
  return [node.name for node in graph_def.node if node.name not in read]


def check_outputs(graph_def: GraphDef, outputs: Iterable[str]) -> None:
  """Raises `InputError` if the graph lacks one of these nodes."""
  names = {node.name for node in graph_def.node}
  for output in outputs:
    if output not in names:
      ends = sinks(graph_def)
      listed = ', '.join(ends[:_MOST_NAMED])
      if len(ends) > _MOST_NAMED:
        listed += f' and {len(ends) - _MOST_NAMED} more'
      raise errors.InputError(
        f'the graph has no output {output}; its last nodes are {listed}'
      )


def extract(graph_def: GraphDef, outputs: Iterable[str]) -> GraphDef:
  """Copies the nodes that the outputs depend on, functions included.

  Wishes to stand beside a node that is gone are dropped, as no graph with such
  a wish can be loaded.

  Args:
    graph_def: the graph; not changed.
    outputs: names of nodes; all are in the graph.
  """
  nodes = {node.name: node for node in graph_def.node}
  reached = set()
  waiting = list(outputs)
  while waiting:
    name = waiting.pop()
    if name in reached:
      continue
    reached.add(name)
    waiting += [graph_index.node_name(each) for each in nodes[name].input]
  extracted = GraphDef()
  extracted.versions.CopyFrom(graph_def.versions)
  if graph_def.HasField('library'):
    extracted.library.CopyFrom(graph_def.library)
  for node in graph_def.node:
    if node.name in reached:
      kept = extracted.node.add()
      kept.CopyFrom(node)
      graph_index.drop_colocations(kept, lambda other: other not in reached)
  return extracted
