"""The order in which the nodes of a graph can run."""

import collections
from typing import Dict, Iterable, List, Set

from object_detection_pruning.graphs import graph_index, node_check
from object_detection_pruning.graphs.graph_index import NodeDef

# The way back of a loop leads from one of the first to one of the others.
NEXT = ('NextIteration', 'RefNextIteration')
MERGE = ('Merge', 'RefMerge')


def sort(nodes: Iterable[NodeDef]) -> List[NodeDef]:
  """Puts each node after those that it waits for.

  Args:
    nodes: of a graph or of a function. Whatever else they take is there before
      the first of them.

  Raises:
    InputError: one waits for itself. The way back of a loop is no such circle.
  """
  by_name = {node.name: node for node in nodes}
  waiting = {}
  readers = collections.defaultdict(list)
  for node in nodes:
    before = by_name.keys() & map(graph_index.node_name, node.input)
    if node.op in MERGE:
      before = {name for name in before if by_name[name].op not in NEXT}
    waiting[node.name] = len(before)
    for name in before:
      readers[name].append(node.name)
  ready = [name for name, count in waiting.items() if not count]
  order = []
  while ready:
    order.append(by_name[ready.pop()])
    for name in readers[order[-1].name]:
      waiting[name] -= 1
      if not waiting[name]:
        ready.append(name)
  left = {name for name, count in waiting.items() if count}
  if left:
    node_check.refuse(_on_a_circle(left, by_name), 'it depends on itself')
  return order


def _on_a_circle(left: Set[str], nodes: Dict[str, NodeDef]) -> NodeDef:
  """A node that depends on itself, of nodes that wait for each other."""
  # Each of them waits for another of them; so whoever goes back comes round.
  name, seen = min(left), set()
  while name not in seen:
    seen.add(name)
    before = map(graph_index.node_name, nodes[name].input)
    name = next(each for each in before if each in left)
  return nodes[name]
