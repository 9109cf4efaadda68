"""Resizing and normalising pictures becomes one op, to the last bit."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.builders import image_resizer_builder
from object_detection.protos import image_resizer_pb2

from object_detection_pruning.sparse_ops import library, rewrite

OP = 'ResizeNormalizePicture'
FIXED = 'fixed_shape_resizer { height: 30 width: 41 }'
KEEP_ASPECT = 'keep_aspect_ratio_resizer { min_dimension: 9 max_dimension: 35 }'
MEANS = [[[123.68, 116.779, 103.939]]]
SIZES = [(1, 1), (30, 41), (60, 30), (7, 90), (97, 64)]


def stock(text):
  """A stock resizer, which gives a picture and its shape."""
  message = text_format.Parse(text, image_resizer_pb2.ImageResizer())
  return image_resizer_builder.build(message)


def aligned(picture):
  resized = tf.image.resize_images(picture, [30, 41], align_corners=True)
  return resized, tf.constant([30, 41, 3])


def scale(x):
  return (2.0 / 255.0) * x - 1.0


def shift(x):
  return (x + 3.0) * 0.0078125 - 1.0


def subtract_means(x):
  return x - MEANS


def keep(x):
  return x


def graph_def(resizer, before=keep, after=keep, channels=3):
  """Casts, resizes and normalises pictures, as a detector does."""
  with tf.Graph().as_default() as graph:
    pictures = tf.placeholder(
      tf.uint8, [None, None, None, channels], name='image_tensor'
    )
    resized, shapes = tf.map_fn(
      lambda picture: tuple(resizer(picture)),
      before(tf.cast(pictures, tf.float32)),
      (tf.float32, tf.int32),
    )
    tf.identity(after(resized), name='pictures')
    tf.identity(shapes, name='shapes')
    return tf.graph_util.extract_sub_graph(
      graph.as_graph_def(), ['pictures', 'shapes']
    )


def run(graph, all_pictures, outputs=('pictures:0', 'shapes:0')):
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph, name='')
    return [
      session.run(outputs, {'image_tensor:0': pictures})
      for pictures in all_pictures
    ]


def check(plain, sizes=SIZES, batches=(1, 3)):
  """Rewrites a graph; its results must be what they were."""
  result = rewrite.rewrite(plain)
  # The cast is part of it.
  assert result.report.counts == {OP: 1}, str(result.report)
  ops = {node.op for node in result.graph_def.node}
  assert not ops & {'FastCast', 'LoopCond', 'ResizeBilinear'}
  library.load()
  random = np.random.RandomState(0)
  all_pictures = [
    random.randint(0, 256, (batch, height, width, 3))
    for height, width in sizes
    for batch in batches
  ]
  for expected, found in zip(
    run(plain, all_pictures), run(result.graph_def, all_pictures)
  ):
    for a, b in zip(expected, found):
      assert a.dtype == b.dtype
      np.testing.assert_array_equal(b, a)
  return result


@pytest.mark.parametrize(
  'before, after',
  [
    (keep, keep),
    (scale, keep),
    (keep, scale),
    (subtract_means, shift),
  ],
)
def test_a_fixed_size_gives_the_same_floats(before, after):
  check(graph_def(stock(FIXED), before, after), batches=(0, 1, 3))


@pytest.mark.parametrize('after', [keep, subtract_means])
def test_a_size_that_keeps_the_aspect_gives_the_same_floats(after):
  result = check(graph_def(stock(KEEP_ASPECT), after=after))
  assert 'Merge' not in {node.op for node in result.graph_def.node}


def test_aligned_corners_give_the_same_floats():
  check(graph_def(aligned, scale))


def test_an_output_between_two_steps_stays():
  plain = graph_def(stock(FIXED), after=scale)
  (middle,) = [node.name for node in plain.node if node.op == 'Mul']
  result = rewrite.rewrite(plain, [middle])
  assert result.report.counts == {OP: 1}
  pictures = [np.arange(64 * 3).reshape(1, 8, 8, 3)]
  library.load()
  outputs = [middle + ':0', 'pictures:0']
  for a, b in zip(
    run(plain, pictures, outputs)[0],
    run(result.graph_def, pictures, outputs)[0],
  ):
    np.testing.assert_array_equal(a, b)


def padded(picture):
  resized = tf.image.resize_images(picture, [30, 41])
  return tf.image.pad_to_bounding_box(resized, 0, 0, 50, 50), tf.shape(resized)


def other_size(picture):
  """A size that follows from what is in the picture."""
  side = tf.cast(tf.reduce_max(picture), tf.int32) + 1
  return tf.image.resize_images(picture, [side, side]), tf.constant([1, 1, 3])


def test_pixels_with_halves_are_left():
  def resized(picture):
    image = tf.cast(picture, tf.float32)[None]
    found = tf.raw_ops.ResizeBilinear(
      images=image, size=[30, 41], half_pixel_centers=True
    )
    return found[0], tf.constant([30, 41, 3])

  assert OP not in rewrite.rewrite(graph_def(resized)).report.counts


def mean_color(picture):
  resized = tf.image.resize_images(picture, [30, 41])
  return resized, tf.cast(tf.reduce_mean(picture, [0, 1]), tf.int32)


@pytest.mark.parametrize('resizer', [other_size, mean_color])
def test_what_follows_from_pixels_is_left_with_a_reason(resizer):
  result = rewrite.rewrite(graph_def(resizer))
  assert OP not in result.report.counts
  (entry,) = result.report.kept
  assert 'more than shapes' in entry.note


def test_pictures_that_are_filled_up_are_left():
  result = rewrite.rewrite(graph_def(padded))
  assert result.report.counts == {'FastCast': 1}


def test_pictures_of_other_channels_are_left_with_a_reason():
  result = rewrite.rewrite(graph_def(stock(FIXED), channels=None))
  (entry,) = result.report.kept
  assert 'channels' in entry.note


@pytest.mark.parametrize(
  'after, op', [(lambda x: 1.0 - x, 'Sub'), (lambda x: x / 3.0, 'RealDiv')]
)
def test_other_arithmetic_stays(after, op):
  result = rewrite.rewrite(graph_def(stock(FIXED), after=after))
  assert result.report.counts == {OP: 1}
  assert op in {node.op for node in result.graph_def.node}
