"""The gate that every graph from a file passes before anything else sees it.

TensorFlow takes a file at its word: an attribute that it never expected can end
the process. So what can be told from a graph alone is looked at here, and what
is wrong is said in one line: the node, its op, and what it is.
"""

from typing import Dict, Iterable, Optional, Set

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import (
  function_check,
  graph_index,
  loop_check,
  node_check,
  op_definitions,
  outside_ops,
)
from object_detection_pruning.graphs.graph_index import GraphDef, NodeDef


def check(
  graph_def: GraphDef,
  path: str,
  ops: Optional[op_definitions.Definitions] = None,
  runs: Optional[Iterable[str]] = None,
) -> None:
  """Checks a graph, and takes out, in place, what only another machine knows.

  Attributes of a newer TensorFlow go where they change nothing, and so do
  wishes to stand on a GPU or on another machine. TensorFlow finds the place.

  Args:
    graph_def: the graph.
    path: what it was read from, for messages.
    ops: the ops that the graph may have. None where the graph is not run as it
      is, so that it may have ops that TensorFlow does not know.
    runs: names of nodes that are run, with whatever these need. None for all.

  Raises:
    InputError: says what is wrong, and where.
  """
  try:
    functions = function_check.check(graph_def, ops)
    nodes = node_check.by_name(graph_def.node)
    found = {}
    for node in graph_def.node:
      found[node.name] = node_check.check(node, ops, functions)
    outputs = {
      name: definition
      and op_definitions.argument_types(
        nodes[name], definition, definition.output_arg
      )
      for name, definition in found.items()
    }
    for node in graph_def.node:
      node_check.check_inputs(node, nodes, found, outputs)
    loop_check.check(graph_def.node)
    for node in graph_def.node:
      node_check.check_reshape(node, nodes)
    if ops is not None:
      _check_reach(graph_def, nodes, runs)
  except errors.InputError as error:
    raise errors.InputError(f'{path} cannot be used: {error}')
  except UnicodeDecodeError:
    raise errors.InputError(f'{path} is damaged: a name in it is no text')


def _check_reach(
  graph_def: GraphDef,
  nodes: Dict[str, NodeDef],
  runs: Optional[Iterable[str]],
) -> None:
  """Refuses ops that reach out of the graph, where they would run."""
  run = set(nodes) if runs is None else _needed(runs, nodes)
  for node in graph_def.node:
    reached = outside_ops.reached_by(node)
    if reached == outside_ops.CHECKPOINTS and node.name not in run:
      continue
    if reached:
      node_check.refuse(node, f'a model has no business with {reached}')
  for function in graph_def.library.function:
    for node in function.node_def:
      # Those that save and restore are what TensorFlow 2 does it with.
      reached = outside_ops.reached_by(node)
      if reached and reached != outside_ops.CHECKPOINTS:
        node_check.refuse(node, f'a model has no business with {reached}')


def _needed(names: Iterable[str], nodes: Dict[str, NodeDef]) -> Set[str]:
  needed: Set[str] = set()
  waiting = [name for name in names if name in nodes]
  while waiting:
    name = waiting.pop()
    if name not in needed:
      needed.add(name)
      waiting += map(graph_index.node_name, nodes[name].input)
  return needed
