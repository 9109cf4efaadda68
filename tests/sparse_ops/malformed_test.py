"""A malformed graph is an InvalidArgument error, and never a crash."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from sparse_op_inputs import (
  BIAS,
  IMAGE,
  MASK,
  VALUES,
  sparse_conv,
  unknown,
)

from object_detection_pruning.sparse_ops import library, packing

BIG = 2**31 - 1


def fails(message, make):
  """Building or running fails with an InvalidArgument that says `message`."""
  with pytest.raises(
    (tf.errors.InvalidArgumentError, ValueError), match=message
  ), tf.Session() as session:
    session.run(make())


def part(output=0, offset=0, depth=5):
  return {
    'concat_output': output,
    'concat_offset': offset,
    'concat_depth': depth,
  }


@pytest.mark.parametrize(
  'message, changes',
  [
    ('kernel_shape', {'kernel_shape': [3, 3, 4]}),
    ('kernel_shape', {'kernel_shape': [3, 3, 0, 5]}),
    ('kernel_shape', {'kernel_shape': [3, 3, -4, 5]}),
    ('kernel_shape', {'kernel_shape': [1 << 15, 1 << 15, 4, 5]}),
    ('at most 65536 taps', {'kernel_shape': [257, 256, 4, 5]}),
    ('at most 1048576 channels', {'kernel_shape': [1, 1, 1, (1 << 20) + 1]}),
    ('strides', {'strides': [1]}),
    ('strides', {'strides': [0, 1]}),
    ('strides', {'strides': [1, -1]}),
    ('output_depths', {'output_depths': [4]}),
    ('output_depths', {'output_depths': [6, -1], 'num_outputs': 2}),
    ('output_depths', {'output_depths': [2, 3]}),
    ('explicit_paddings', {'explicit_paddings': [1, 1, 1, 1]}),
    ('explicit_paddings', {'padding': 'EXPLICIT'}),
    (
      'explicit_paddings',
      {'padding': 'EXPLICIT', 'explicit_paddings': [-1, 0, 0, 0]},
    ),
    (
      'explicit_paddings',
      {'padding': 'EXPLICIT', 'explicit_paddings': [0, 3, 0, 0]},
    ),
    ('padding', {'padding': 'NONE'}),
    ('activation', {'activation': 'tanh'}),
    ('input must be', {'x': IMAGE[..., :3]}),
    ('input must be', {'x': IMAGE[0]}),
    ('mask must be', {'mask': MASK[:-1]}),
    ('mask must be', {'mask': MASK[:, np.newaxis]}),
    ('bits set', {'values': VALUES[:-1]}),
    ('bits set', {'values': np.append(VALUES, 1.0)}),
    ('values must be', {'values': VALUES[:, np.newaxis]}),
    ('past the last', {'mask': np.append(MASK[:-1], MASK[-1] | 0x80)}),
    ('bias must have', {'bias': BIAS[:-1]}),
    ('bias must have', {'bias': BIAS[:, np.newaxis]}),
    ('does not fit', {'padding': 'VALID', 'x': IMAGE[:, :2]}),
    ('concat_output', part(output=1)),
    ('concat_output', part(output=-2)),
    ('concat_output', {'concat': [IMAGE]}),
    ('concat_output', {'concat': [IMAGE, IMAGE], **part()}),
    ('concat_offset', part(depth=4)),
    ('concat_offset', part(offset=-1)),
    ('concat_offset', part(offset=2)),
    ('concat_offset', part(offset=2**31 - 1, depth=2**31 - 1)),
    ('concat must be', {'concat': [IMAGE], **part()}),
    ('concat must be', {'concat': [IMAGE[0]], **part(depth=9)}),
  ],
)
def test_sparse_conv(message, changes):
  fails(message, lambda: sparse_conv(**changes))


def test_sparse_conv_checks_weights_of_an_empty_batch_too():
  fails('bits set', lambda: sparse_conv(x=IMAGE[:0], values=VALUES[:-1]))


@pytest.mark.parametrize(
  'message, values, scales',
  [
    ('int8 must have scales', VALUES.astype(np.int8), []),
    ('int8 must have scales', VALUES, [np.ones(5)]),
    ('scales must have 5', VALUES.astype(np.int8), [np.ones(4)]),
    ('scales must have 5', VALUES.astype(np.int8), [np.ones((5, 1))]),
    ('one tensor of scales', VALUES.astype(np.int8), [np.ones(5)] * 2),
    ('bits set', VALUES.astype(np.int8)[:-1], [np.ones(5)]),
  ],
)
def test_values_in_bytes(message, values, scales):
  fails(message, lambda: sparse_conv(values=values, scales=scales))


@pytest.mark.parametrize(
  'message, weights, bias, depth',
  [
    ('depthwise_weights', np.zeros((3, 3, 4, 2)), np.zeros(4), 4),
    ('depthwise_weights', np.zeros((5, 5, 4, 1)), np.zeros(4), 4),
    ('depthwise_bias', np.zeros((3, 3, 4, 1)), np.zeros(3), 4),
    ('input must be', np.zeros((3, 3, 4, 1)), np.zeros(4), 3),
  ],
)
def test_sparse_separable(message, weights, bias, depth):
  mask, values = packing.pack(np.ones((4, 2), np.float32))
  fails(
    message,
    lambda: library.load().sparse_separable_conv2d(
      unknown(IMAGE[..., :depth]),
      unknown(weights),
      unknown(bias),
      mask,
      values,
      np.zeros(2, np.float32),
      [],
      kernel_shape=[4, 2],
      strides=[1, 1],
      padding='SAME',
    ),
  )


@pytest.mark.parametrize(
  'message, x, mask_bytes',
  [
    ('input must be', np.zeros((2, 5)), 1),
    ('input must be', np.zeros(4), 1),
    ('mask must be', np.zeros((2, 4)), 2),
  ],
)
def test_sparse_matmul(message, x, mask_bytes):
  fails(
    message,
    lambda: library.load().sparse_mat_mul_bias(
      unknown(x),
      unknown(np.zeros(mask_bytes), tf.uint8),
      np.zeros(0, np.float32),
      np.zeros(2, np.float32),
      [],
      kernel_shape=[4, 2],
    ),
  )


@pytest.mark.parametrize('op', ['fused_conv2d', 'fused_depthwise_conv2d'])
@pytest.mark.parametrize(
  'message, x, weights, bias',
  [
    ('weights must be', IMAGE, np.zeros((3, 3, 4)), np.zeros(4)),
    ('weights must be', IMAGE, np.zeros((3, 0, 4, 1)), np.zeros(4)),
    ('input must be', IMAGE, np.zeros((3, 3, 3, 1)), np.zeros(3)),
    ('input must be', IMAGE[0], np.zeros((3, 3, 4, 1)), np.zeros(4)),
    ('bias must have', IMAGE, np.zeros((3, 3, 4, 1)), np.zeros(9)),
    ('does not fit', IMAGE, np.zeros((9, 9, 4, 1)), None),
  ],
)
def test_fused_convolutions(op, message, x, weights, bias):
  if bias is None:
    bias = np.zeros(1 if op == 'fused_conv2d' else 4)
  fails(
    message,
    lambda: getattr(library.load(), op)(
      unknown(x),
      unknown(weights),
      unknown(bias),
      strides=[1, 1],
      padding='VALID',
    ),
  )


@pytest.mark.parametrize(
  'message, changes',
  [
    ('kernel_size', {'kernel_size': [3]}),
    ('kernel_size', {'kernel_size': [0, 3]}),
    ('kernel size', {'kernel_size': [1 << 30, 3], 'padding': 'SAME'}),
    ('kernel size', {'kernel_size': [3, 1 << 30], 'padding': 'SAME'}),
    ('kernel size', {'kernel_size': [BIG, BIG], 'padding': 'SAME'}),
    ('method', {'method': 'median'}),
    ('4 dimensions', {'x': IMAGE[0]}),
    ('does not fit', {'kernel_size': [9, 9]}),
    (
      'padding alone',
      {
        'x': IMAGE[:, :0],
        'padding': 'EXPLICIT',
        'explicit_paddings': [1, 1, 1, 1],
      },
    ),
  ],
)
def test_pool(message, changes):
  arguments = {
    'method': 'max',
    'kernel_size': [2, 2],
    'strides': [1, 1],
    'padding': 'VALID',
  }
  arguments.update(changes)
  x = arguments.pop('x', IMAGE)
  fails(message, lambda: library.load().fast_pool(unknown(x), **arguments))


@pytest.mark.parametrize(
  'message, changes',
  [
    ('pool_size', {'pool_size': 0}),
    ('pool_size', {'pool_size': 9, 'crop_size': [9, 9]}),
    ('crop_size', {'crop_size': [4]}),
    ('crop_size', {'crop_size': [4, 5]}),
    ('crop_size', {'crop_size': [0, 4]}),
    ('4 dimensions', {'image': IMAGE[0]}),
    ('no pixels', {'image': IMAGE[:, :0]}),
    ('boxes must be', {'boxes': np.zeros((2, 3))}),
    ('box_ind must have', {'box_ind': [0]}),
    ('box_ind must be in', {'box_ind': [0, 1]}),
    ('box_ind must be in', {'box_ind': [-1, 0]}),
  ],
)
def test_crop_resize_max_pool(message, changes):
  arguments = {'crop_size': [4, 4], 'pool_size': 2}
  arguments.update(changes)
  image = arguments.pop('image', IMAGE)
  boxes = arguments.pop('boxes', np.zeros((2, 4)))
  box_ind = arguments.pop('box_ind', [0, 0])
  fails(
    message,
    lambda: library.load().crop_resize_max_pool(
      unknown(image), unknown(boxes), unknown(box_ind, tf.int32), **arguments
    ),
  )


@pytest.mark.parametrize(
  'message, changes',
  [
    ('output_size', {'output_size': [4]}),
    ('output_size', {'output_size': [0, 4]}),
    ('at most 1048576', {'output_size': [BIG, 1]}),
    ('4 dimensions', {'x': IMAGE[0]}),
    ('no pixels', {'x': IMAGE[:, :, :0]}),
  ],
)
def test_resize(message, changes):
  arguments = dict({'output_size': [4, 4]}, **changes)
  x = unknown(arguments.pop('x', IMAGE))
  fails(message, lambda: library.load().fast_resize_bilinear(x, **arguments))


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e38])
def test_crops_at_boxes_that_are_no_numbers_are_outside(value):
  result = library.load().crop_resize_max_pool(
    np.ones((1, 4, 4, 3), np.float32),
    np.full((1, 4), value, np.float32),
    [0],
    crop_size=[2, 2],
    pool_size=1,
    extrapolation_value=7.0,
  )
  with tf.Session() as session:
    assert np.all(session.run(result) == 7)


def test_nan_comes_out_of_a_convolution_as_nan():
  image = IMAGE.copy()
  image[0, 4, 4, 1] = np.nan
  with tf.Session() as session:
    (result,) = session.run(sparse_conv(x=image, activation='relu6'))
  assert np.isnan(result[0, 4, 4]).any()
  assert not np.isnan(result[0, 0]).any()
