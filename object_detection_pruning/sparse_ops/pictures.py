"""Makes one op of all that is done to pictures: cast, resizing, normalising.

The Object Detection API resizes each picture of a batch in a loop, and gives
their shapes beside them. Each has the same size, though, so nothing needs the
loop.
"""

from typing import Iterator, List, NamedTuple, Optional, Sequence, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
  node_name,
  output_number,
)
from object_detection_pruning.graphs.map_loops import MapLoop
from object_detection_pruning.graphs.patterns import (
  Matcher,
  anything,
  constant,
  node,
)
from object_detection_pruning.sparse_ops import nodes, picture_steps
from object_detection_pruning.sparse_ops.lifting import Lifter, NotLifted
from object_detection_pruning.sparse_ops.picture_steps import CHANNELS, Step
from object_detection_pruning.sparse_ops.replacing import Replacement
from object_detection_pruning.sparse_ops.report import Entry

_INT32 = tf.int32.as_datatype_enum


class _Resizing(NamedTuple):
  """How pictures are resized.

  Attributes:
    size: reference of height and width, outside of the loop.
    align_corners: as in ResizeBilinear.
  """

  size: str
  align_corners: bool


def find(
  index: GraphIndex, loops: Sequence[MapLoop], kept: Set[str]
) -> Iterator[Replacement]:
  """Finds all loops that resize pictures, each with what becomes of it.

  Args:
    index: of the graph.
    loops: of the graph, from `map_loops.find`.
    kept: names of nodes whose outputs stay as they are.
  """
  for loop in loops:
    matcher = Matcher(index)
    pictures = [
      name for name, value in loop.results.items() if _resizes(value, matcher)
    ]
    if len(pictures) != 1:
      continue
    try:
      yield _replacement(pictures[0], loop, index, kept)
    except NotLifted as error:
      note = f'kept: {error}'
      entry = Entry(pictures[0], 'ResizeBilinear', None, None, note)
      yield Replacement([], [], {}, [entry])


def _resizes(value: str, matcher: Matcher) -> bool:
  """Whether a value is a resized picture, whatever its size follows from."""
  found = matcher.producer(value)
  if found is not None and found[0].op == 'Merge':
    return all(_resizes(each, matcher) for each in found[0].input)
  matcher.found = {}
  picture = node('ExpandDims', anything('picture'), constant(0))
  return matcher.match(
    node(
      'Squeeze',
      node(
        'ResizeBilinear', picture, anything('size'), half_pixel_centers=False
      ),
      squeeze_dims=[0],
    ),
    value,
  )


def _replacement(
  name: str, loop: MapLoop, index: GraphIndex, kept: Set[str]
) -> Replacement:
  matcher = Matcher(index)
  if not loop.is_all or len(loop.elements) != 1:
    raise NotLifted('the loop takes or gives other things')
  ((part, element),) = loop.elements.items()
  cast = picture_steps.before(element.value, matcher)
  if cast is None:
    raise NotLifted('the pictures are not cast from uint8')
  batch, before = cast
  shape = _static_shape(batch, index)
  if shape is None or len(shape) != 4 or shape[3] != CHANNELS:
    raise NotLifted(f'the pictures are not known to have {CHANNELS} channels')
  scope = (loop.condition.rpartition('/')[0] or loop.condition) + '/pictures'
  lifter = Lifter(index, part, batch, scope)
  resizing = _resizing(loop.results[name], lifter, matcher)
  channels = lifter.constant(np.int32([CHANNELS]))
  lifter.set_shape(loop.results[name], lifter.concat(resizing.size, channels))
  replaced, made = [], []
  for other, value in loop.results.items():
    if other != name:
      replaced.append(index.nodes[other])
      made.append(_repeated(other, value, lifter, index))
  last, after = picture_steps.after(index.nodes[name], index, matcher, kept)
  op = _op(last.name, batch, resizing, before, after, lifter)
  entry = Entry(last.name, op.op, None, None, '')
  return Replacement(replaced + [last], lifter.made + made + [op], {}, [entry])


def _resizing(value: str, lifter: Lifter, matcher: Matcher) -> _Resizing:
  """How a result of the loop is resized, in one branch or in two."""
  producer = matcher.producer(value)[0]
  if producer.op == 'Merge':
    branches = [_resizing(each, lifter, matcher) for each in producer.input]
    if len({each.align_corners for each in branches}) != 1:
      raise NotLifted('two branches resize in two ways')
    size = lifter.either(producer, *[each.size for each in branches])
    return _Resizing(size, branches[0].align_corners)
  resize = matcher.producer(producer.input[0])[0]
  picture = matcher.producer(resize.input[0])[0]
  if not lifter.is_part(picture.input[0]):
    raise NotLifted('what is resized is not the picture')
  if attribute(resize, 'T').type != tf.float32.as_datatype_enum:
    raise NotLifted('the pictures are not float32')
  return _Resizing(
    lifter.lift(resize.input[1]), attribute(resize, 'align_corners').b
  )


def _repeated(
  name: str, value: str, lifter: Lifter, index: GraphIndex
) -> NodeDef:
  """A vector of the loop, once for each picture."""
  lifted = lifter.lift(value)
  shape = _static_shape(value, index)
  if shape is None or len(shape) != 1:
    raise NotLifted('the loop gives other things than shapes')
  zero = lifter.constant(np.int32(0))
  row = nodes.make('ExpandDims', f'{name}/row', [lifted, zero])
  row.attr['T'].type = row.attr['Tdim'].type = _INT32
  lifter.made.append(row)
  one = lifter.constant(np.int32([1]))
  multiples = lifter.concat(lifter.batch_shape(0, 1), one)
  made = nodes.make('Tile', name, [row.name, multiples])
  made.attr['T'].type = made.attr['Tmultiples'].type = _INT32
  return made


def _static_shape(
  reference: str, index: GraphIndex
) -> Optional[List[Optional[int]]]:
  """The shape of a tensor; without having TensorFlow infer all, if possible."""
  found = index.nodes[node_name(reference)]
  proto = attribute(found, 'shape').shape
  if found.op == 'Placeholder' and proto.dim and not proto.unknown_rank:
    return [each.size if each.size >= 0 else None for each in proto.dim]
  if found.op == 'Const':
    return [each.size for each in found.attr['value'].tensor.tensor_shape.dim]
  # It infers those of first outputs.
  return None if output_number(reference) else index.static_shape(found.name)


def _op(
  name: str,
  batch: str,
  resizing: _Resizing,
  before: List[Step],
  after: List[Step],
  lifter: Lifter,
) -> NodeDef:
  constants = [lifter.constant(step.values) for step in before + after]
  op = nodes.make(
    'ResizeNormalizePicture',
    name,
    [batch, resizing.size] + constants,
    num_before=len(before),
    num_after=len(after),
    before_ops=''.join(step.op for step in before),
    after_ops=''.join(step.op for step in after),
  )
  op.attr['align_corners'].b = resizing.align_corners
  return op
