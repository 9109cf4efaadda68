"""The functions in a graph from a file."""

from typing import Dict, Optional, Set

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import (
  graph_index,
  loop_check,
  node_check,
  op_definitions,
)
from object_detection_pruning.graphs.attribute_check import shown
from object_detection_pruning.graphs.graph_index import GraphDef


def check(
  graph_def: GraphDef, ops: Optional[op_definitions.Definitions]
) -> Dict[str, op_definitions.OpDef]:
  """Checks the functions of a graph; gives their signatures by name."""
  library = graph_def.library.function
  functions = {each.signature.name: each.signature for each in library}
  calls = {}
  for function in library:
    name = shown(function.signature.name)
    try:
      calls[function.signature.name] = _check_function(function, ops, functions)
    except errors.InputError as error:
      raise errors.InputError(f'function {name}: {error}')
  _check_calls(calls)
  return functions


def _check_function(
  function,
  ops: Optional[op_definitions.Definitions],
  functions: Dict[str, op_definitions.OpDef],
) -> Set[str]:
  """Checks a function's nodes; gives the functions that they call."""
  nodes = node_check.by_name(function.node_def)
  arguments = {each.name for each in function.signature.input_arg}
  calls: Set[str] = set()
  for node in function.node_def:
    node_check.check(node, ops, functions, in_function=True)
    for reference in node.input:
      name = graph_index.node_name(reference)
      if name not in nodes and name not in arguments:
        node_check.refuse(node, f'its input {shown(reference)} is not there')
    called = {node.op}
    for value in node.attr.values():
      called.add(value.func.name)
      called.update(each.name for each in value.list.func)
    calls |= called & set(functions)
  loop_check.check(function.node_def, arguments)
  results = {each.name for each in function.signature.output_arg}
  for name, reference in function.ret.items():
    source = graph_index.node_name(reference)
    if name not in results or source not in set(nodes) | arguments:
      raise errors.InputError(f'its result {shown(reference)} is not there')
  return calls


def _check_calls(calls: Dict[str, Set[str]]) -> None:
  """Refuses functions that call themselves, which TensorFlow does for ever."""
  done: Set[str] = set()
  while len(done) < len(calls):
    ready = {name for name in calls if name not in done and calls[name] <= done}
    if not ready:
      name = min(set(calls) - done)
      raise errors.InputError(f'function {shown(name)} calls itself in the end')
    done |= ready
