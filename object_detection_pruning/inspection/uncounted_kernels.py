"""Names the kernels of a frozen graph that `graph_layers` does not see.

They are no constants when the graph is loaded, as within a loop, or belong to
an op that has no line of its own in a report.
"""

from typing import Iterable, Iterator, List, Set

from object_detection_pruning.graphs import computed_kernels
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  data_inputs,
  node_name,
)

# The inputs that can be kernels, of ops whose kernels never count.
_OTHER_KERNELS = {
  'BatchMatMul': (0, 1),
  'BatchMatMulV2': (0, 1),
  'BatchMatMulV3': (0, 1),
  'BlockLSTM': (4,),
  'BlockLSTMV2': (4,),
  'Conv': (1,),
  'Dilation2D': (1,),
  'Einsum': (0, 1),
  'GRUBlockCell': (2, 3),
  'LSTMBlockCell': (3,),
  'MatMul': (0,),
  'QuantizedConv2D': (1,),
  'QuantizedMatMul': (1,),
  '_FusedConv2D': (1,),
  '_FusedMatMul': (1,),
}
# What comes out is of the first input; the other only says where it goes, or
# in which shape.
_PASSING_OPS = ('Reshape', 'Switch')


def find(graph_def: GraphDef) -> List[str]:
  """Names the nodes whose kernels do not count, in the order of the graph.

  A product of two tensors that both depend on the input has no kernel. Within
  a function that is called that is not known, so all are named there.

  Args:
    graph_def: a frozen graph whose kernels are constants as far as they can be.
  """
  index = GraphIndex(graph_def)
  fed = _fed(index)
  return [
    node.name for node in graph_def.node if _has_unseen(node, index, fed)
  ] + _in_functions(graph_def)


def _in_functions(graph_def: GraphDef) -> List[str]:
  functions = {each.signature.name: each for each in graph_def.library.function}
  waiting = _called(graph_def.node) & set(functions)
  called = set()  # type: Set[str]
  while waiting:
    name = waiting.pop()
    called.add(name)
    waiting |= _called(functions[name].node_def) & set(functions) - called
  return [
    f'{name}/{node.name}'
    for name in sorted(called)
    for node in functions[name].node_def
    if node.op in computed_kernels.READERS or node.op in _OTHER_KERNELS
  ]


def _called(nodes: Iterable[NodeDef]) -> Set[str]:
  """Names what nodes may call: their ops, and functions they are given."""
  names = set()
  for node in nodes:
    names.add(node.op)
    for value in node.attr.values():
      names.add(value.func.name)
      names.update(each.name for each in value.list.func)
  return names


def _has_unseen(node: NodeDef, index: GraphIndex, fed: Set[str]) -> bool:
  # What multiplies constants alone is no layer.
  is_fed = any(node_name(each) in fed for each in data_inputs(node))
  return is_fed and any(
    node_name(each) not in fed for each in _not_seen(node, index)
  )


def _not_seen(node: NodeDef, index: GraphIndex) -> Iterator[str]:
  """Gives the inputs of a node that would be kernels nobody counts."""
  inputs = data_inputs(node)
  for number in _OTHER_KERNELS.get(node.op, ()):
    yield from inputs[number : number + 1]
  if node.op in computed_kernels.READERS:
    for reference in inputs[1:2]:
      if index.constant(reference) is None:
        yield reference


def _fed(index: GraphIndex) -> Set[str]:
  """Names the nodes whose values depend on what a graph is given."""
  fed = {
    node.name
    for node in index.nodes.values()
    if node.op != 'Const' and not data_inputs(node)
  }
  waiting = list(fed)
  while waiting:
    name = waiting.pop()
    for node in index.consumers(index.nodes[name]):
      inputs = data_inputs(node)
      if node.op in _PASSING_OPS:
        inputs = inputs[:1]
      if node.name not in fed and name in map(node_name, inputs):
        fed.add(node.name)
        waiting.append(node.name)
  return fed
