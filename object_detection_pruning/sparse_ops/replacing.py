"""Replaces nodes of a graph by others."""

from typing import Dict, List, NamedTuple, Set

from object_detection_pruning.graphs import subgraphs
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  control_inputs,
  drop_colocations,
  is_control,
  node_name,
)
from object_detection_pruning.sparse_ops.report import Entry


class Replacement(NamedTuple):
  """Nodes that take the place of others.

  Attributes:
    replaced: nodes that go; the first has the control inputs to keep.
    made: nodes that come.
    renamed: references to outputs that have a new name.
    entries: lines of the report.
  """

  replaced: List[NodeDef]
  made: List[NodeDef]
  renamed: Dict[str, str]
  entries: List[Entry]


def apply(
  graph_def: GraphDef,
  index: GraphIndex,
  replacements: List[Replacement],
  kept: Set[str],
) -> GraphDef:
  """Puts new nodes in the place of old ones.

  Args:
    graph_def: the graph; it stays as it is.
    index: of the same graph.
    replacements: no node is in two of them; one that makes no nodes changes
      nothing.
    kept: names of nodes that stay even where nobody reads them.

  Returns:
    The new graph, without nodes that none of the kept ones needs.
  """
  dropped = set()  # type: Set[str]
  renamed = {}  # type: Dict[str, str]
  made = {}  # type: Dict[str, List[NodeDef]]
  taken = set(index.nodes)
  for replacement in replacements:
    if not replacement.made:
      continue
    waits = [
      reference
      for node in replacement.replaced
      for reference in control_inputs(node)
    ]
    new = replacement.made[-1]
    new.input.extend(w for w in waits if w not in new.input)
    replaced = {node.name for node in replacement.replaced}
    dropped.update(replaced)
    _make_unique(replacement, taken - replaced)
    taken.update(node.name for node in replacement.made)
    renamed.update(replacement.renamed)
    made[replacement.replaced[-1].name] = replacement.made
  result = _without_nodes(graph_def)
  for node in graph_def.node:
    for new in made.get(node.name, []):
      result.node.add().CopyFrom(new)
    if node.name not in dropped:
      result.node.add().CopyFrom(node)
  for node in result.node:
    _rename_inputs(node, renamed)
    drop_colocations(node, dropped.__contains__)
  if not dropped:
    return result
  there = {node.name for node in result.node}
  return subgraphs.extract(result, kept & there)


def _make_unique(replacement: Replacement, taken: Set[str]) -> None:
  """Gives other names to new nodes whose name another node has."""
  changed = {}  # type: Dict[str, str]
  for node in replacement.made:
    name, count = node.name, 0
    while node.name in taken:
      count += 1
      node.name = f'{name}_{count}'
    if count:
      changed[name] = node.name
  for node in replacement.made:
    for i, reference in enumerate(node.input):
      name, separator, output = reference.partition(':')
      node.input[i] = changed.get(name, name) + separator + output
  for old, new in replacement.renamed.items():
    name, _, output = new.partition(':')
    if name in changed:
      separator = ':' if output else ''
      replacement.renamed[old] = changed[name] + separator + output


def _rename_inputs(node: NodeDef, renamed: Dict[str, str]) -> None:
  for i, reference in enumerate(node.input):
    new = renamed.get(node_name(reference))
    if new is not None:
      node.input[i] = '^' + node_name(new) if is_control(reference) else new


def _without_nodes(graph_def: GraphDef) -> GraphDef:
  """Copies what a graph has besides its nodes."""
  result = GraphDef()
  result.versions.CopyFrom(graph_def.versions)
  if graph_def.HasField('library'):
    result.library.CopyFrom(graph_def.library)
  return result
