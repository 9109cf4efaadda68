"""Reads what a loop does to each image: the stock suppression or not.

`post_processing.batch_multiclass_non_max_suppression` suppresses the boxes of
each class, joins and sorts what is left, clips it to a window, drops what lies
outside, sorts again, takes the first ones and fills up with zeros. Each value
that the loop gives is followed back through these steps, and all must agree on
them.
"""

from typing import Any, Dict, List, NamedTuple

from object_detection_pruning.graphs.graph_index import data_inputs
from object_detection_pruning.graphs.map_loops import MapLoop, size
from object_detection_pruning.graphs.patterns import (
  Matcher,
  anything,
  constant,
  node,
  same,
)
from object_detection_pruning.sparse_ops import suppression_patterns as steps
from object_detection_pruning.sparse_ops.suppression_classes import (
  ClassReader,
  Limits,
  NotKnown,
  StepReader,
)

_MOST_DIMENSIONS = 5
BOXES, SCORES, CLASSES, COUNT = 'boxes', 'scores', 'classes', 'count'
# No names of results.
_ALL_BOXES, _ALL_SCORES = '^boxes', '^scores'


class Suppression(NamedTuple):
  """What the loop does.

  Attributes:
    elements: what it works on, as references within the loop: boxes, scores,
      window, count, and then what else belongs to each box.
    roles: what each result is, by its name: `BOXES`, `SCORES`, `CLASSES` or
      `COUNT`, or the position of one of the other elements.
    limits: of each class.
    most_of_all: boxes to keep.
    changes_frame: whether boxes become relative to the window.
  """

  elements: List[str]
  roles: Dict[str, Any]
  limits: Limits
  most_of_all: int
  changes_frame: bool


def read(loop: MapLoop, matcher: Matcher) -> Suppression:
  """Reads a loop.

  Raises:
    NotKnown: it does anything else.
  """
  return _Reader(loop, matcher).read()


class _Reader(StepReader):
  """Follows the results of a loop back.

  What is said of a value, such as `_values`, holds before the steps that were
  gone back.
  """

  def __init__(self, loop: MapLoop, matcher: Matcher):
    super().__init__(matcher)
    # By name of the result: numbers, shapes that lists are filled up to, lists.
    self._counts = {}  # type: Dict[str, str]
    self._shapes = {}  # type: Dict[str, List[int]]
    self._values = {}  # type: Dict[str, str]
    self._window = ''
    self._changes_frame = False
    for name, value in loop.results.items():
      self._unpad(name, value)

  def read(self) -> Suppression:
    most, boxes, scores = self._choose()
    inner_boxes = self._sort(boxes, scores)
    parts = self._join(inner_boxes)
    return self._classes(parts, most)

  def _unpad(self, name: str, value: str) -> None:
    for rank in range(1, _MOST_DIMENSIONS + 1):
      found = self._try(steps.padded(rank), value)
      if found is not None:
        sides = [int(found[f'side{axis}']) for axis in range(rank)]
        self._shapes[name], self._values[name] = sides, found['inner']
        return
    self._counts[name] = value

  def _choose(self):
    """Goes back before the first ones were taken.

    Returns:
      How many are kept, and the references of sorted boxes and of the scores
      that they are sorted by.
    """
    lengths = set()
    for name, value in self._values.items():
      found = self._take('the choice', steps.first_ones(), value)
      lengths.add((found['limit'], found['count'], self._shapes[name][0]))
      self._values[name] = found['sorted']
    if len(lengths) != 1:
      raise NotKnown('lists differ in length')
    ((limit, count, most),) = lengths
    for value in self._counts.values():
      self._take('a result', same(count), value)
    boxes = self._take(
      'the number of boxes',
      node('Minimum', constant(most), size(anything('boxes'))),
      limit,
    )['boxes']
    total = self._take('the count', steps.fewer(limit), count)['total']
    scores = self._take('the count', steps.number_of_scores(), total)['scores']
    return most, boxes, scores

  def _sort(self, boxes: str, scores: str) -> str:
    """Goes back before the second sorting; gives the boxes there."""
    found = self._take('the area', steps.scores_of_areas(), scores)
    inner, inner_scores = found['boxes'], found['scores']
    order = steps.order(scores, same(inner))
    sorted_boxes = steps.gathered(same(inner), order)
    self._window = self._clip_window(inner)
    framed = steps.framed(sorted_boxes, self._window)
    if self._try(framed, boxes) is not None:
      self._changes_frame = True
    else:
      self._take('the order of boxes', sorted_boxes, boxes)
    for name, value in self._values.items():
      if value == boxes:
        self._values[name] = inner
      elif self._try(steps.gathered(same(scores), order), value) is not None:
        self._values[name] = inner_scores
      else:
        pattern = steps.gathered(anything('values'), order)
        self._values[name] = self._take('an order', pattern, value)['values']
    # Nobody may read the boxes or the scores; the steps before go through them.
    self._values[_ALL_BOXES], self._values[_ALL_SCORES] = inner, inner_scores
    return inner

  def _clip_window(self, boxes: str) -> str:
    both = steps.gathered(anything('clipped'), anything('inside'))
    clipped = self._take('the clipping', both, boxes)['clipped']
    return self._take('the clipping', steps.clipped(), clipped)['window']

  def _join(self, boxes: str) -> Dict[str, List[str]]:
    """Goes back before clipping and the first sorting; gives each class's."""
    both = steps.gathered(anything('clipped'), anything('inside'))
    found = self._take('the clipping', both, boxes)
    clipped, inside = found['clipped'], found['inside']
    self._take('what is inside', steps.inside(clipped), inside)
    self._values[_ALL_BOXES] = clipped
    sorted_ = {}
    for name, value in self._values.items():
      if value in (boxes, clipped):
        found = self._take('the clipping', steps.clipped(), clipped)
        sorted_[name] = found['boxes']
      else:
        pattern = steps.gathered(anything('values'), same(inside))
        sorted_[name] = self._take('the clipping', pattern, value)['values']
    pattern = steps.gathered(anything('values'), anything('order'))
    order = self._take('the sorting', pattern, sorted_[_ALL_SCORES])['order']
    pattern = steps.gathered(anything('values'), same(order))
    joined = {
      name: self._take('the sorting', pattern, value)['values']
      for name, value in sorted_.items()
    }
    pattern = steps.order(joined[_ALL_SCORES], same(joined[_ALL_BOXES]))
    self._take('the sorting', pattern, order)
    return {name: self._parts(value) for name, value in joined.items()}

  def _parts(self, joined: str) -> List[str]:
    producer = self._matcher.producer(joined)
    if producer is None or producer[0].op != 'ConcatV2':
      return [joined]
    *parts, axis = data_inputs(producer[0])
    if self._matcher.constant(axis) != 0:
      raise NotKnown('differs from the stock suppression in the joining')
    return parts

  def _classes(self, parts: Dict[str, List[str]], most: int) -> Suppression:
    """Goes back to the boxes and scores of each class."""
    reader = ClassReader(self._matcher)
    own_boxes, own_scores = parts.pop(_ALL_BOXES), parts.pop(_ALL_SCORES)
    classes = reader.read(own_boxes, own_scores)
    boxes, box_classes, scores = reader.sources(classes)
    roles = dict.fromkeys(self._counts, COUNT)  # type: Dict[str, Any]
    rows = [(boxes, [box_classes, 4]), (scores, [len(classes)])]
    for name, of_classes in parts.items():
      if len(of_classes) != len(classes):
        raise NotKnown('lists differ in their classes')
      shape = self._shapes[name][1:]
      if of_classes == own_boxes and shape == [4]:
        roles[name] = BOXES
      elif of_classes == own_scores and not shape:
        roles[name] = SCORES
      elif not shape and reader.are_numbers(of_classes, own_scores):
        roles[name] = CLASSES
      else:
        # The first two rows are of boxes and scores.
        roles[name] = len(rows) - 2
        rows.append((reader.field(of_classes, classes), shape))
    found = [
      self._take('the rows', steps.valid_rows(shape), value)
      for value, shape in rows
    ]
    if len({each['count'] for each in found}) != 1:
      raise NotKnown('boxes and scores differ in number')
    elements = [each['element'] for each in found]
    elements[2:2] = [self._window, found[0]['count']]
    return Suppression(
      elements, roles, classes[0].limits, most, self._changes_frame
    )
