"""Reads what suppresses the boxes of each class of an image."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from object_detection_pruning.graphs.map_loops import size
from object_detection_pruning.graphs.patterns import (
  Matcher,
  Pattern,
  anything,
  same,
)
from object_detection_pruning.sparse_ops import suppression_patterns as steps


class NotKnown(Exception):
  """Says what is not as in the stock suppression."""


class Limits(NamedTuple):
  """What a suppression keeps.

  Attributes:
    score_threshold: scores must be above it.
    iou_threshold: how much the boxes of a class may overlap.
    most_of_class: boxes to keep of each class.
  """

  score_threshold: float
  iou_threshold: float
  most_of_class: int


class Class(NamedTuple):
  """What suppresses the boxes of one class; references within the loop.

  Attributes:
    boxes: of the class.
    scores: of the class.
    places: of the boxes that are left, filled up with zeros.
    limits: what is kept.
  """

  boxes: str
  scores: str
  places: str
  limits: Limits


class StepReader:
  """Goes back through steps of known forms."""

  def __init__(self, matcher: Matcher):
    self._matcher = matcher

  def _try(self, pattern: Pattern, reference: str) -> Optional[Dict[str, Any]]:
    self._matcher.found = {}
    matched = self._matcher.match(pattern, reference)
    return self._matcher.found if matched else None

  def _take(
    self, what: str, pattern: Pattern, reference: str
  ) -> Dict[str, Any]:
    """What stands for the names of a pattern.

    Raises:
      NotKnown: the pattern does not match.
    """
    found = self._try(pattern, reference)
    if found is None:
      raise NotKnown(f'differs from the stock suppression in {what}')
    return found


class ClassReader(StepReader):
  """Reads the classes of an image."""

  def read(self, boxes: List[str], scores: List[str]) -> List[Class]:
    """Reads what gives the boxes and scores of each class.

    Raises:
      NotKnown: it is not the stock suppression, or not one for all classes.
    """
    if len(boxes) != len(scores):
      raise NotKnown('lists differ in their classes')
    classes = [self._class(*each) for each in zip(boxes, scores)]
    if len({each.limits for each in classes}) != 1:
      raise NotKnown('classes differ in their thresholds')
    return classes

  def _class(self, boxes: str, scores: str) -> Class:
    """The suppression of one class."""
    what = 'the suppression of a class'
    found = self._take(what, steps.scores_of_class(), scores)
    room, kept, filled = found['room'], found['kept'], found['filled']
    pattern = steps.gathered(anything('boxes'), anything('places'))
    found = self._take(what, pattern, boxes)
    own, places = found['boxes'], found['places']
    found = self._take(what, steps.selection(room, kept), places)
    chosen = found['suppressed']
    self._take(what, size(same(chosen)), kept)
    found = self._take(what, steps.suppressed(own, room), chosen)
    column = found['scores']
    thresholds = [
      float(found[each]) for each in ('score_threshold', 'iou_threshold')
    ]
    pattern = steps.filled_scores(column, places, chosen, room, kept)
    self._take('the scores of a class', pattern, filled)
    most = self._take('the room', steps.room_of_class(own), room)['most']
    return Class(own, column, places, Limits(*thresholds, int(most)))

  def sources(self, classes: List[Class]) -> Tuple[str, int, str]:
    """What all classes are from.

    Returns:
      The references of the boxes and of the scores of an image, and between
      them how many classes have boxes of their own; 1 if all share them.
    """
    scores = {
      self._take('a score', steps.column_of_scores(number), each.scores)[
        'scores'
      ]
      for number, each in enumerate(classes)
    }
    for box_classes in (1, len(classes)):
      found = [
        self._try(steps.boxes_of_class(number, box_classes), each.boxes)
        for number, each in enumerate(classes)
      ]
      boxes = {each['boxes'] for each in found if each is not None}
      if None not in found and len(boxes) == len(scores) == 1:
        return boxes.pop(), box_classes, scores.pop()
    raise NotKnown('classes have several boxes or scores')

  def are_numbers(self, parts: List[str], scores: List[str]) -> bool:
    """Whether values of all classes are the numbers of the classes."""
    return all(
      self._try(steps.class_numbers(of_class, number), part) is not None
      for number, (part, of_class) in enumerate(zip(parts, scores))
    )

  def field(self, parts: List[str], classes: List[Class]) -> str:
    """What all classes take their values from, as they take boxes."""
    values = {
      self._take(
        'another value',
        steps.gathered(anything('values'), same(each.places)),
        part,
      )['values']
      for part, each in zip(parts, classes)
    }
    if len(values) != 1:
      raise NotKnown('classes have values of their own beside boxes')
    return values.pop()
