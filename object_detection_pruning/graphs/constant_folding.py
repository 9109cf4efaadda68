"""What a frozen graph computes from constants alone, computed once."""

from typing import Dict, Iterable, List, NamedTuple, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import freezing, importing, subgraphs
from object_detection_pruning.graphs.graph_index import GraphDef

# A constant of more than this makes the file larger than the op that it saves
# is worth.
_MOST_BYTES = 10 * 1024 * 1024
# Their values are not those of their inputs alone, though no state tells so.
NEVER = (
  'Enter',
  'Exit',
  'LoopCond',
  'Merge',
  'NextIteration',
  'Placeholder',
  'PlaceholderWithDefault',
  'Switch',
)


class Replaced(NamedTuple):
  """A graph that has constants where it computed something.

  Attributes:
    graph_def: the graph; the given one if nothing was replaced.
    names: of the nodes that are constants now.
  """

  graph_def: GraphDef
  names: List[str]


def fold(graph_def: GraphDef) -> GraphDef:
  """Makes constants of all nodes that depend on nothing else.

  Args:
    graph_def: a frozen graph whose ops TensorFlow knows; not changed.

  Returns:
    The graph, with the nodes that are no longer needed still in it.

  Raises:
    InputError: TensorFlow cannot compute what depends on constants alone.
  """
  with tf.Graph().as_default() as graph:
    importing.import_graph(graph_def)
    found = _foldable(graph.get_operations())
    tensors = [op.outputs[0] for op in found]
    with tf.Session(graph=graph) as session, importing.running():
      values = session.run(tensors)
  small = {
    op.name: value
    for op, value in zip(found, values)
    if value.nbytes <= _MOST_BYTES
  }
  return freezing.with_constants(graph_def, small)


def compute(graph_def: GraphDef, names: List[str]) -> Dict[str, np.ndarray]:
  """Gives the values of nodes that depend on constants alone, by name.

  Raises:
    InputError: TensorFlow cannot compute one.
  """
  if not names:
    return {}
  needed = tf.graph_util.extract_sub_graph(graph_def, names)
  with importing.open_session(needed) as session, importing.running():
    values = session.run([name + ':0' for name in names])
  return dict(zip(names, values))


def replace(graph_def: GraphDef, values: Dict[str, np.ndarray]) -> Replaced:
  """Copies a graph with constants for some nodes, without what only they read.

  Args:
    graph_def: the graph; what nobody reads in it stays.
    values: of these nodes, by name.
  """
  if values:
    replaced = freezing.with_constants(graph_def, values)
    graph_def = subgraphs.extract(replaced, subgraphs.sinks(graph_def))
  return Replaced(graph_def, list(values))


def _foldable(operations: Iterable[tf.Operation]) -> List[tf.Operation]:
  """Lists the outermost ops that depend on constants alone."""
  constant: Set[tf.Operation] = set()
  waiting = list(operations)
  changed = True
  while changed:
    left = [op for op in waiting if not _is_constant(op, constant)]
    changed = len(left) < len(waiting)
    constant.update(set(waiting) - set(left))
    waiting = left
  return [
    op
    for op in constant
    if op.type != 'Const' and _is_seen(op.outputs[0], constant)
  ]


def _is_constant(op: tf.Operation, constant: Set[tf.Operation]) -> bool:
  # What waits for another op must go on waiting for it.
  if op.control_inputs or op.type in NEVER or len(op.outputs) != 1:
    return False
  if op.type == 'Const':
    return True
  dtype = op.outputs[0].dtype
  return (
    bool(op.inputs)
    and not op.op_def.is_stateful
    and (dtype.is_floating or dtype.is_integer or dtype.is_bool)
    and all(tensor.op in constant for tensor in op.inputs)
  )


def _is_seen(tensor: tf.Tensor, constant: Set[tf.Operation]) -> bool:
  """Whether anything but a constant reads a tensor, or it is an output."""
  readers = tensor.consumers()
  return not readers or any(reader not in constant for reader in readers)
