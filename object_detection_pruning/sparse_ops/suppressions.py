"""Finds the suppression of boxes that overlap, and makes one op of it."""

from typing import Iterator, List, Sequence, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  node_name,
)
from object_detection_pruning.graphs.map_loops import MapLoop
from object_detection_pruning.graphs.patterns import (
  Matcher,
  anything,
  constant,
  node,
)
from object_detection_pruning.sparse_ops import nodes, suppression_reader
from object_detection_pruning.sparse_ops.replacing import Replacement
from object_detection_pruning.sparse_ops.report import Entry
from object_detection_pruning.sparse_ops.suppression_classes import NotKnown
from object_detection_pruning.sparse_ops.suppression_reader import (
  BOXES,
  CLASSES,
  COUNT,
  SCORES,
  Suppression,
)

_OPS = tuple(f'NonMaxSuppression{version}' for version in ('V3', 'V4', 'V5'))
_LOOP_VARIABLES = ('Enter', 'Merge', 'Switch')
_OUTPUTS = [BOXES, SCORES, CLASSES, COUNT]


def find(index: GraphIndex, loops: Sequence[MapLoop]) -> Iterator[Replacement]:
  """Finds all suppressions, each with what becomes of it.

  Args:
    index: of the graph.
    loops: of the graph, from `map_loops.find`.
  """
  left = [each.name for each in index.nodes.values() if each.op in _OPS]
  for loop in loops:
    body = _body(loop, index)
    names = [name for name in left if name in body]
    if not names:
      continue
    left = [name for name in left if name not in body]
    try:
      yield _replacement(names[0], loop, index)
    except NotKnown as error:
      yield _left(names[0], str(error), index)
  # One for all classes of a loop.
  loops = {name.rpartition('/while/')[0] or name: name for name in left[::-1]}
  for name in loops.values():
    yield _left(name, 'not in a loop over images that is known', index)


def _left(name: str, reason: str, index: GraphIndex) -> Replacement:
  entry = Entry(name, index.nodes[name].op, None, None, f'kept: {reason}')
  return Replacement([], [], {}, [entry])


def _body(loop: MapLoop, index: GraphIndex) -> Set[str]:
  """Names of the nodes that the loop's results depend on, in the loop."""
  queue = list(loop.results.values())
  found = set()  # type: Set[str]
  while queue:
    name = node_name(queue.pop())
    each = index.nodes[name]
    if name in found or each.op in _LOOP_VARIABLES:
      continue
    found.add(name)
    queue += each.input
  return found


def _replacement(name: str, loop: MapLoop, index: GraphIndex) -> Replacement:
  matcher = Matcher(index)
  if not loop.is_all:
    raise NotKnown('results of the loop are not known')
  suppression = suppression_reader.read(loop, matcher)
  for reference in suppression.elements:
    if reference not in loop.elements:
      raise NotKnown('what is suppressed is not what the loop takes')
  elements = [loop.elements[each] for each in suppression.elements]
  wanted = [tf.float32.as_datatype_enum] * len(elements)
  wanted[3] = tf.int32.as_datatype_enum
  if [each.dtype for each in elements] != wanted:
    raise NotKnown('no float32')
  if not suppression.limits.score_threshold >= 0:
    raise NotKnown('a negative score threshold')
  inputs = [each.value for each in elements]
  first_class, inputs[1] = _without_first_columns(inputs[1], matcher)
  op = _op(loop.condition, inputs, suppression, first_class)
  replaced = [index.nodes[each] for each in suppression.roles]
  made = [op] + [
    _identity(each, op, suppression.roles[each.name]) for each in replaced
  ]
  entry = Entry(name, op.op, None, None, '', op.name)
  return Replacement(replaced, made, {}, [entry])


def _op(
  condition: str, inputs: List[str], suppression: Suppression, first_class: int
) -> NodeDef:
  # The name of the loop, without that of its condition.
  scope = condition.rpartition('/')[0] or condition
  op = nodes.make(
    'MultiClassNonMaxSuppression',
    scope + '/suppression',
    inputs,
    num_fields=len(inputs) - 4,
    score_threshold=suppression.limits.score_threshold,
    iou_threshold=suppression.limits.iou_threshold,
    max_size_per_class=suppression.limits.most_of_class,
    max_total_size=suppression.most_of_all,
    first_class=first_class,
  )
  op.attr['change_coordinate_frame'].b = suppression.changes_frame
  return op


def _identity(result: NodeDef, op: NodeDef, role) -> NodeDef:
  number = (
    role + len(_OUTPUTS) if isinstance(role, int) else _OUTPUTS.index(role)
  )
  made = nodes.make('Identity', result.name, [f'{op.name}:{number}'])
  dtype = tf.int32 if role == COUNT else tf.float32
  made.attr['T'].type = dtype.as_datatype_enum
  return made


def _without_first_columns(scores: str, matcher: Matcher):
  """Scores before columns of no class were cut off, and how many of them."""
  matcher.found = {}
  cut = node('Slice', anything('all'), constant('begin'), constant('size'))
  if not matcher.match(cut, scores):
    return 0, scores
  begin, size = matcher.found['begin'], matcher.found['size']
  if begin.shape != (3,) or begin[0] or begin[1] or np.any(size != -1):
    return 0, scores
  return int(begin[2]), matcher.found['all']
