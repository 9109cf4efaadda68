"""Pools, crops, resizes and casts become ops that work in vectors."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from rewriting import RANDOM, image, ops, rewritten


@pytest.mark.parametrize('pool', [tf.nn.max_pool, tf.nn.avg_pool])
def test_takes_pools(graph, pool):
  pool(image(), [1, 3, 3, 1], [1, 2, 2, 1], 'SAME', name='out')
  assert ops(rewritten(graph)) == ['FastPool']


def test_takes_casts_of_pictures(graph):
  picture = RANDOM.randint(0, 256, (2, 7, 9, 3)).astype(np.uint8)
  x = tf.placeholder(tf.uint8, [None, None, None, 3], name='image')
  tf.cast(x, tf.float32, name='out')
  assert ops(rewritten(graph, x=picture)) == ['FastCast']


@pytest.mark.parametrize(
  'source, target',
  [(tf.uint8, tf.int32), (tf.uint8, tf.float64), (tf.int32, tf.float32)],
)
def test_leaves_other_casts(graph, source, target):
  x = tf.placeholder(source, [None, 8], name='image')
  tf.cast(x, target, name='out')
  x = np.arange(8).reshape(1, 8)
  assert ops(rewritten(graph, x=x)) == ['Cast']


@pytest.mark.parametrize('align_corners', [False, True])
def test_takes_resizes_to_a_known_size(graph, align_corners):
  tf.image.resize_bilinear(image(), [9, 31], align_corners, name='out')
  assert ops(rewritten(graph)) == ['FastResizeBilinear']


def test_leaves_resizes_to_a_size_that_only_running_shows(graph):
  size = tf.placeholder_with_default([9, 31], [2])
  tf.image.resize_bilinear(image(), size, name='out')
  assert ops(rewritten(graph)) == ['ResizeBilinear']


def test_leaves_resizes_of_pictures(graph):
  tf.image.resize_bilinear(image()[..., :3], [9, 31], name='out')
  assert 'ResizeBilinear' in ops(rewritten(graph))


def crops(boxes=4):
  box = RANDOM.uniform(-0.1, 1.1, (boxes, 4)).astype(np.float32)
  # As in a detector, how many there are only running shows.
  box = tf.placeholder_with_default(box, [None, 4])
  return tf.image.crop_and_resize(image(), box, [0, 1, 1, 0], [8, 8])


def test_joins_crops_and_pool_through_reshapes_that_cancel(graph):
  x = crops()
  count = tf.shape(x)[0]
  x = tf.reshape(x, tf.stack([1, count, 8, 8, 16]))
  x = tf.reshape(x, [-1, 8, 8, 16])
  tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID', name='out')
  assert ops(rewritten(graph)) == ['CropResizeMaxPool']


def test_leaves_crops_alone_that_are_reshaped_for_good(graph):
  x = tf.reshape(crops(), [-1, 4, 16, 16])
  tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID', name='out')
  assert ops(rewritten(graph)) == ['CropAndResize', 'Reshape', 'FastPool']


def test_leaves_crops_alone_that_others_read(graph):
  x = crops()
  tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID', name='out')
  tf.negative(x, name='other')
  assert 'CropAndResize' in ops(rewritten(graph))
