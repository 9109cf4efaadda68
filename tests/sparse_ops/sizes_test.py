"""Sizes that overflow are refused, and the largest ones are counted right."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from sparse_op_inputs import (
  unknown,
)

from object_detection_pruning.sparse_ops import library, nodes

BIG = 2**31 - 1


@pytest.mark.parametrize(
  'height, attributes',
  [
    (2**63 - 1, {}),
    (2**63 - 1, {'strides': [BIG, BIG]}),
    (2**63 - 2, {'kernel_size': [4096, 1]}),
    (
      2**63 - 1,
      {
        'kernel_size': [4096, 1],
        'padding': 'EXPLICIT',
        'explicit_paddings': [4095, 4095, 0, 0],
      },
    ),
  ],
)
def test_sides_that_overflow_are_refused_when_a_graph_is_imported(
  height, attributes
):
  image = tf.placeholder(tf.float32, [None, None, None, None])
  graph_def = tf.get_default_graph().as_graph_def()
  graph_def.node[0].attr['shape'].shape.dim[1].size = height
  given = dict(
    {'kernel_size': [2, 2], 'strides': [2, 2], 'padding': 'SAME'}, **attributes
  )
  library.load()
  node = nodes.make('FastPool', 'pool', [image.op.name], method='max', **given)
  graph_def.node.add().CopyFrom(node)
  with tf.Graph().as_default(), pytest.raises(ValueError, match='image side'):
    tf.import_graph_def(graph_def)


@pytest.mark.parametrize(
  'shape, op, attributes',
  [
    (
      [1, 2, 2, 0],
      'crop_resize_max_pool',
      {'crop_size': [BIG, BIG], 'pool_size': 1},
    ),
    (
      [2**40, 1, 1, 0],
      'fast_pool',
      {
        'method': 'max',
        'kernel_size': [4096, 4096],
        'strides': [1, 1],
        'padding': 'EXPLICIT',
        'explicit_paddings': [4095] * 4,
      },
    ),
    (
      [2**50, 1, 1, 0],
      'fast_resize_bilinear',
      {'output_size': [1 << 20, 1 << 20]},
    ),
  ],
)
def test_output_of_no_values_whose_other_sizes_overflow_is_refused(
  shape, op, attributes
):
  image = tf.placeholder_with_default(
    tf.zeros(tf.constant(shape, tf.int64)), None
  )
  inputs = [image]
  if op == 'crop_resize_max_pool':
    inputs += [unknown(np.zeros((4, 4))), unknown([0] * 4, tf.int32)]
  result = getattr(library.load(), op)(*inputs, **attributes)
  with tf.Session() as session, pytest.raises(
    tf.errors.InvalidArgumentError, match='is too large'
  ):
    # Not fetched: NumPy cannot hold such shapes.
    session.run(result.op)


def test_crop_ends_at_the_last_pixel_of_a_side_that_floats_cannot_count():
  # The float nearest to the last row is the row after it.
  height = 2**24 + 4
  image = tf.concat([tf.zeros([1, height - 1, 1, 1]), [[[[5.0]]]]], axis=1)
  result = library.load().crop_resize_max_pool(
    image, [[1.0, 0.0, 1.0, 0.0]], [0], crop_size=[2, 1], pool_size=1
  )
  with tf.Session() as session:
    assert session.run(result).ravel().tolist() == [5, 5]
