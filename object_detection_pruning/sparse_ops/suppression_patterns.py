"""What the steps of the stock suppression look like in a graph.

In each, `anything` and `constant` have names that the reader of the steps asks
for, see `suppression_reader`.
"""

from typing import Sequence

from object_detection_pruning.graphs.map_loops import (
  count_to,
  size,
  value_at,
)
from object_detection_pruning.graphs.patterns import (
  Pattern,
  anything,
  both,
  constant,
  first_of,
  node,
  same,
)

_SELECT = 'Select SelectV2'
_DIVIDE = 'RealDiv Div'


def gathered(values: Pattern, places: Pattern) -> Pattern:
  """Rows of a tensor."""
  return node('GatherV2', values, places, constant(0), batch_dims=0)


def padded(rank: int) -> Pattern:
  """`inner`, cut to the sides `side0` and so on, and filled up with zeros."""
  inner, part = anything('inner'), anything('part')
  sides = [constant(f'side{axis}') for axis in range(rank)]
  zeros = first_of(
    node('Fill', constant([rank]), constant(0)), constant([0] * rank)
  )
  most = [
    node(
      _SELECT,
      node('Greater', node('Sub', size(inner, axis), side), constant(0)),
      side,
      constant(-1),
    )
    for axis, side in enumerate(sides)
  ]
  missing = [
    node('Sub', side, size(part, axis)) for axis, side in enumerate(sides)
  ]
  return node(
    'Pad',
    both(node('Slice', inner, zeros, node('Pack', *most, axis=0)), part),
    node('Pack', zeros, node('Pack', *missing, axis=0), axis=1),
  )


def first_ones() -> Pattern:
  """The first `count` of the first `limit` rows of `sorted`."""
  first = gathered(anything('sorted'), count_to(anything('limit')))
  return gathered(first, count_to(anything('count')))


def fewer(limit: str) -> Pattern:
  """How many are valid: `total`, or the limit if that is less."""
  total = anything('total')
  return node(_SELECT, node('Greater', same(limit), total), total, same(limit))


def number_of_scores() -> Pattern:
  """How many of `scores` are not negative."""
  found = node('GreaterEqual', anything('scores'), constant(0.0))
  return node('Sum', node('Cast', found), constant([0]), keep_dims=False)


def _filled(length: Pattern, value: float) -> Pattern:
  return node('Fill', node('Reshape', length, constant([-1])), constant(value))


def _minus_ones(length: Pattern) -> Pattern:
  return node('Mul', constant(-1.0), _filled(length, 1.0))


def _corners(boxes: Pattern):
  return [
    node('Split', constant(1), boxes, output=corner, num_split=4)
    for corner in range(4)
  ]


def _area(boxes: Pattern) -> Pattern:
  top, left, bottom, right = _corners(boxes)
  product = node('Mul', node('Sub', bottom, top), node('Sub', right, left))
  return node('Squeeze', product, squeeze_dims=[1])


def scores_of_areas() -> Pattern:
  """`scores`, or -1 where an area of `boxes` is zero."""
  boxes = anything('boxes')
  return node(
    _SELECT,
    node('Cast', _area(boxes)),
    anything('scores'),
    _minus_ones(size(boxes)),
  )


def order(scores: str, boxes: Pattern) -> Pattern:
  """The places of sorted scores."""
  return node('TopKV2', same(scores), size(boxes), output=1)


def _edge(window: Pattern, number: int) -> Pattern:
  """A side of a window, as each generation takes it out."""
  return first_of(
    node('Unpack', window, output=number, num=4, axis=0),
    value_at(window, number),
  )


def clipped() -> Pattern:
  """`boxes`, clipped to `window`."""
  window = anything('window')
  edges = [_edge(window, number) for number in range(4)]
  sides = [
    node('Maximum', node('Minimum', corner, edges[axis + 2]), edges[axis])
    for corner, axis in zip(_corners(anything('boxes')), (0, 1, 0, 1))
  ]
  return node('ConcatV2', *sides, constant(1))


def inside(boxes: str) -> Pattern:
  """Which boxes have an area."""
  is_inside = node('Greater', _area(same(boxes)), constant(0.0))
  return node('Cast', node('Reshape', node('Where', is_inside), constant([-1])))


def framed(boxes: Pattern, window: str) -> Pattern:
  """Boxes relative to a window."""
  edges = [_edge(same(window), number) for number in range(4)]
  moved = node('Sub', boxes, node('Pack', *edges[:2], *edges[:2], axis=0))
  scales = [
    node(_DIVIDE, constant(1.0), node('Sub', edges[axis + 2], edges[axis]))
    for axis in range(2)
  ]
  sides = [
    node('Mul', scales[number % 2], corner)
    for number, corner in enumerate(_corners(moved))
  ]
  return node('ConcatV2', *sides, constant(1))


def scores_of_class() -> Pattern:
  """`filled`, or -1 from place `kept` on; there are `room` places."""
  room = anything('room')
  return node(
    _SELECT,
    node('Less', count_to(room), anything('kept')),
    anything('filled'),
    _minus_ones(room),
  )


def selection(room: str, kept: str) -> Pattern:
  """The places that `suppressed` found, and zeros."""
  rest = node('Sub', same(room), same(kept))
  return node('ConcatV2', anything('suppressed'), _filled(rest, 0), constant(0))


def room_of_class(boxes: str) -> Pattern:
  """How many places there are, at most `most`."""
  return node('Minimum', constant('most'), size(same(boxes)))


def suppressed(boxes: str, room: str) -> Pattern:
  """Places of the boxes that are left of one class, by its `scores`."""
  inputs = [
    same(boxes),
    anything('scores'),
    same(room),
    constant('iou_threshold'),
    constant('score_threshold'),
  ]
  return first_of(
    node('NonMaxSuppressionV3', *inputs),
    node(
      'NonMaxSuppressionV5',
      *inputs,
      constant(0.0),
      pad_to_max_output_size=False,
    ),
  )


def filled_scores(
  scores: str, places: str, suppression: str, room: str, kept: str
) -> Pattern:
  """The scores at selected places, as each generation has them."""
  rest = node('Sub', same(room), same(kept))
  found = first_of(
    both(
      same(suppression + ':1'),
      _node_of_output('NonMaxSuppressionV5'),
    ),
    node('Gather', same(scores), same(suppression)),
  )
  return first_of(
    gathered(same(scores), same(places)),
    node('ConcatV2', found, _filled(rest, 0.0), constant(-1)),
  )


def _node_of_output(op: str) -> Pattern:
  def matches(matcher, reference):
    producer = matcher.producer(reference)
    return producer is not None and producer[0].op == op

  return matches


def boxes_of_class(number: int, box_classes: int) -> Pattern:
  """The boxes of a class, out of `boxes`."""
  return node(
    'Unpack',
    anything('boxes'),
    output=0 if box_classes == 1 else number,
    num=box_classes,
    axis=1,
  )


def column_of_scores(number: int) -> Pattern:
  """The scores of a class, out of `scores`."""
  scores = anything('scores')
  column = node(
    'Slice',
    scores,
    constant([0, number]),
    node('Pack', size(scores), constant(1), axis=0),
  )
  return node('Reshape', column, constant([-1]))


def class_numbers(scores: str, number: int) -> Pattern:
  """The number of a class for each of its scores."""
  return node(
    'Add AddV2', node('ZerosLike', same(scores)), constant(float(number))
  )


def valid_rows(sides: Sequence[int]) -> Pattern:
  """The first `count` rows of `element`, each of the given shape."""
  rank = 1 + len(sides)
  rows = node(
    'Slice',
    anything('element'),
    constant([0] * rank),
    node('Pack', anything('count'), *[constant(-1)] * len(sides), axis=0),
  )
  return node('Reshape', rows, constant([-1] + list(sides)))
