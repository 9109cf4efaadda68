"""Replaces nodes of a graph by others."""

from typing import Dict, List, NamedTuple, Set

from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  control_inputs,
  drop_colocations,
  is_control,
  node_name,
)
from object_detection_pruning.sparse_ops import crops
from object_detection_pruning.sparse_ops.report import Entry

# Nodes without effects, which go once nobody reads them.
_PASSIVE_OPS = crops.SHAPE_ARITHMETIC | {'Const', 'Identity'}


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
    The new graph, without constants that only replaced nodes read.
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
  return _without_orphans(result, index, dropped, kept)


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
    _rename_inputs(node, changed)
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


def _without_orphans(
  graph_def: GraphDef, index: GraphIndex, dropped: Set[str], kept: Set[str]
) -> GraphDef:
  """Drops constants that only the replaced nodes read."""
  suspects = {
    node_name(reference)
    for name in dropped
    for reference in index.nodes[name].input
  }
  users = {node.name: 0 for node in graph_def.node}
  by_name = {node.name: node for node in graph_def.node}
  for node in graph_def.node:
    for reference in node.input:
      users[node_name(reference)] += 1
  gone = set()  # type: Set[str]
  queue = [name for name in suspects if name in by_name]
  while queue:
    name = queue.pop()
    node = by_name[name]
    if users[name] or name in gone or name in kept:
      continue
    if node.op not in _PASSIVE_OPS:
      continue
    gone.add(name)
    for reference in node.input:
      users[node_name(reference)] -= 1
      queue.append(node_name(reference))
  result = _without_nodes(graph_def)
  for node in graph_def.node:
    if node.name not in gone:
      result.node.add().CopyFrom(node)
      drop_colocations(result.node[-1], gone.__contains__)
  return result


def _without_nodes(graph_def: GraphDef) -> GraphDef:
  """Copies what a graph has besides its nodes."""
  result = GraphDef()
  result.versions.CopyFrom(graph_def.versions)
  if graph_def.HasField('library'):
    result.library.CopyFrom(graph_def.library)
  return result
