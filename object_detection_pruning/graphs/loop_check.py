"""Whether what a node takes belongs to one round of one loop.

TensorFlow's executor keeps the values of each loop, which it knows by name, in
a frame of its own. It does not look whether all inputs of a node are in one: a
graph where they are not ends the process, or waits for ever.
"""

from typing import Dict, Iterable, Sequence, Tuple

from object_detection_pruning.graphs import (
  graph_index,
  node_check,
  node_order,
)
from object_detection_pruning.graphs.graph_index import NodeDef

_ENTER = ('Enter', 'RefEnter')
_EXIT = ('Exit', 'RefExit')
_ROUNDS = 'parallel_iterations'

# Names of the loops that a value is in, the outermost first.
_Frame = Tuple[bytes, ...]


def check(nodes: Sequence[NodeDef], arguments: Iterable[str] = ()) -> None:
  """Checks the loops of a graph or of a function.

  Args:
    nodes: whose inputs are there.
    arguments: names of what is there besides, outside of all loops.

  Raises:
    InputError: says which node is wrong.
  """
  frames: Dict[str, _Frame] = dict.fromkeys(arguments, ())
  for node in node_order.sort(nodes):
    frames[node.name] = _leave_or_enter(node, _frame_of_inputs(node, frames))
  for node in nodes:
    if node.op in node_order.MERGE:
      _frame_of_inputs(node, frames)


def _frame_of_inputs(node: NodeDef, frames: Dict[str, _Frame]) -> _Frame:
  """Gives the frame that all inputs are in which have one by now."""
  names = map(graph_index.node_name, node.input)
  found = {frames[name] for name in names if name in frames}
  if len(found) > 1:
    first, second = sorted(found)[:2]
    node_check.refuse(
      node, f'it takes values {_told(first)} and values {_told(second)}'
    )
  return found.pop() if found else ()


def _leave_or_enter(node: NodeDef, frame: _Frame) -> _Frame:
  """Gives the frame of a node's outputs, from that of its inputs."""
  if node.op in _ENTER:
    rounds = graph_index.attribute(node, _ROUNDS)
    # In a function the caller may say how many.
    if rounds.HasField('i') and rounds.i < 1:
      node_check.refuse(
        node, f'attribute {_ROUNDS} is {rounds.i}, and must be 1 or more'
      )
    return frame + (graph_index.attribute(node, 'frame_name').s,)
  if node.op in node_order.NEXT + _EXIT and not frame:
    node_check.refuse(node, 'it is in no loop')
  return frame[:-1] if node.op in _EXIT else frame


def _told(frame: _Frame) -> str:
  if not frame:
    return 'from outside of all loops'
  return f'of the loop {frame[-1].decode("utf-8", "backslashreplace")}'
