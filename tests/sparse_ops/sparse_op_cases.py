"""Cases that compare every sparse op with TensorFlow's own ops.

A case is a function of plain numbers, which Hypothesis draws in the tests. It
runs on the threads that its process has.
"""

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.sparse_ops import (
  byte_values,
  library,
  packing,
)

TOLERANCE = 1e-4
PADDINGS = ('SAME', 'VALID', 'EXPLICIT')
ACTIVATIONS = {
  'none': lambda x: x,
  'relu': tf.nn.relu,
  'relu6': tf.nn.relu6,
}


class Window:
  """The window attributes of a case, and what they mean in stock ops."""

  def __init__(self, kernel, strides, padding, pads=(0, 0, 0, 0)):
    self.kernel = kernel
    self.strides = strides
    self.padding = padding
    top, bottom, left, right = pads
    height, width = kernel
    # Larger explicit padding is an error of its own.
    self.pads = [top % height, bottom % height, left % width, right % width]

  def attributes(self):
    return {
      'strides': list(self.strides),
      'padding': self.padding,
      'explicit_paddings': self.pads if self.padding == 'EXPLICIT' else [],
    }

  def fits(self, height, width):
    if self.padding == 'SAME':
      return True
    pads = self.pads if self.padding == 'EXPLICIT' else [0] * 4
    return (
      height + pads[0] + pads[1] >= self.kernel[0]
      and width + pads[2] + pads[3] >= self.kernel[1]
    )

  def stock(self, x, op, value=0.0):
    """Applies op(x, strides, padding) with explicit padding written out."""
    strides = [1] + list(self.strides) + [1]
    if self.padding != 'EXPLICIT':
      return op(x, strides, self.padding)
    top, bottom, left, right = self.pads
    pads = [[0, 0], [top, bottom], [left, right], [0, 0]]
    return op(tf.pad(x, pads, constant_values=value), strides, 'VALID')


def run(check, *arguments):
  """Runs a case in a graph of its own."""
  with tf.Graph().as_default():
    check(*arguments)


def assert_same(expected, actual, feeds=None):
  """Runs both tensors and compares."""
  with tf.Session() as session:
    a, b = session.run([expected, actual], feeds)
  assert a.shape == b.shape, (a.shape, b.shape)
  np.testing.assert_allclose(b, a, rtol=TOLERANCE, atol=TOLERANCE)


def open_input(array):
  """A placeholder that knows only its rank and depth, and its feed."""
  shape = [None] * (array.ndim - 1) + [array.shape[-1]]
  placeholder = tf.placeholder(tf.float32, shape)
  return placeholder, {placeholder: array}


def sparse_weights(random, shape, density):
  weights = random.normal(size=shape) * (random.uniform(size=shape) < density)
  fan_in = max(1.0, density * np.prod(shape[:-1]))
  return (weights / np.sqrt(fan_in)).astype(np.float32)


def values(random, *shape):
  return random.normal(size=shape).astype(np.float32)


def stored(random, weights):
  """Packs a kernel as floats or, half of the time, in bytes.

  Returns:
    What the ops take: mask, values and a list of scales; and the kernel that
    this stands for.
  """
  mask, nonzeros = packing.pack(weights)
  if random.rand() < 0.5:
    return mask, nonzeros, [], weights
  found = byte_values.rounded(weights)
  kernel = packing.unpack(mask, found.numbers, weights.shape, found.scales)
  # TensorFlow 1 would make floats of an array, since they are the default.
  return mask, tf.constant(found.numbers), [found.scales], kernel


def check_sparse_conv(image, depths, window, activation, density, seed):
  """image: batch, height, width, channels; depths: of each output."""
  random = np.random.RandomState(seed)
  ops = library.load()
  outputs = sum(depths)
  shape = list(window.kernel) + [image[3], outputs]
  weights = sparse_weights(random, shape, density)
  bias = values(random, outputs)
  mask, nonzeros, scales, weights = stored(random, weights)
  x, feeds = open_input(values(random, *image))
  expected = window.stock(
    x, lambda x, strides, padding: tf.nn.conv2d(x, weights, strides, padding)
  )
  expected = ACTIVATIONS[activation](expected + bias)
  actual = ops.sparse_conv2d(
    x,
    mask,
    nonzeros,
    bias,
    [],
    scales,
    num_outputs=len(depths),
    output_depths=depths,
    kernel_shape=shape,
    activation=activation,
    **window.attributes(),
  )
  assert_same(expected, tf.concat(actual, 3), feeds)


def check_concatenation(image, parts, order, is_read_between, seed):
  """Convolutions that fill in one tensor, against their concatenation.

  image: batch, height, width, channels. parts: for each convolution the depths
  of its outputs, the last of which is concatenated. order: of the parts, in
  which they run. is_read_between: whether somebody else reads each step.
  """
  random = np.random.RandomState(seed)
  x, feeds = open_input(values(random, *image))
  depth = sum(depths[-1] for depths in parts)
  expected, arguments = [], []
  for depths in parts:
    shape = [3, 3, image[3], sum(depths)]
    weights = sparse_weights(random, shape, 0.3)
    bias = values(random, sum(depths))
    arguments.append((packing.pack(weights), bias, shape))
    expected.append(tf.nn.conv2d(x, weights, [1] * 4, 'SAME') + bias)
  concat, others, read = [], [None] * len(parts), []
  for i in order:
    (mask, nonzeros), bias, shape = arguments[i]
    *others[i], whole = library.load().sparse_conv2d(
      x,
      mask,
      nonzeros,
      bias,
      concat,
      [],
      kernel_shape=shape,
      output_depths=parts[i],
      num_outputs=len(parts[i]),
      strides=[1, 1],
      padding='SAME',
      concat_output=len(parts[i]) - 1,
      concat_offset=sum(depths[-1] for depths in parts[:i]),
      concat_depth=depth,
    )
    concat = [whole]
    read.append(tf.reduce_sum(whole[..., 0]))
  ends = [out[..., -depths[-1] :] for out, depths in zip(expected, parts)]
  starts = [out[..., : -depths[-1]] for out, depths in zip(expected, parts)]
  with tf.control_dependencies(read if is_read_between else []):
    whole = tf.identity(whole)
  outputs = [whole] + [out for outs in others for out in outs]
  assert_same(tf.concat(ends + starts, 3), tf.concat(outputs, 3), feeds)


def check_separable(
  image, outputs, strides, padding, activation, density, seed
):
  random = np.random.RandomState(seed)
  ops = library.load()
  channels = image[3]
  window = Window((3, 3), strides, padding, (1, 2, 0, 1))
  depthwise = values(random, 3, 3, channels, 1)
  depthwise_bias = values(random, channels)
  weights = sparse_weights(random, [1, 1, channels, outputs], density)
  bias = values(random, outputs)
  mask, nonzeros, scales, weights = stored(random, weights)
  x, feeds = open_input(values(random, *image))
  between = window.stock(
    x,
    lambda x, strides, padding: tf.nn.depthwise_conv2d_native(
      x, depthwise, strides, padding
    ),
  )
  between = tf.nn.relu6(between + depthwise_bias)
  expected = tf.nn.conv2d(between, weights, [1] * 4, 'SAME')
  expected = ACTIVATIONS[activation](expected + bias)
  actual = ops.sparse_separable_conv2d(
    x,
    depthwise,
    depthwise_bias,
    mask,
    nonzeros,
    bias,
    scales,
    kernel_shape=[channels, outputs],
    depthwise_activation='relu6',
    activation=activation,
    **window.attributes(),
  )
  assert_same(expected, actual, feeds)


def check_matmul(rows, inputs, outputs, activation, density, seed):
  random = np.random.RandomState(seed)
  ops = library.load()
  weights = sparse_weights(random, [inputs, outputs], density)
  bias = values(random, outputs)
  mask, nonzeros, scales, weights = stored(random, weights)
  x, feeds = open_input(values(random, rows, inputs))
  expected = ACTIVATIONS[activation](tf.matmul(x, weights) + bias)
  actual = ops.sparse_mat_mul_bias(
    x,
    mask,
    nonzeros,
    bias,
    scales,
    kernel_shape=[inputs, outputs],
    activation=activation,
  )
  assert_same(expected, actual, feeds)


def check_depthwise(image, multiplier, window, activation, seed):
  random = np.random.RandomState(seed)
  ops = library.load()
  weights = values(random, *window.kernel, image[3], multiplier)
  bias = values(random, image[3] * multiplier)
  x, feeds = open_input(values(random, *image))
  expected = window.stock(
    x,
    lambda x, strides, padding: tf.nn.depthwise_conv2d_native(
      x, weights, strides, padding
    ),
  )
  expected = ACTIVATIONS[activation](expected + bias)
  actual = ops.fused_depthwise_conv2d(
    x, weights, bias, activation=activation, **window.attributes()
  )
  assert_same(expected, actual, feeds)


def check_dense(image, outputs, window, activation, seed):
  random = np.random.RandomState(seed)
  ops = library.load()
  weights = values(random, *window.kernel, image[3], outputs) / 4
  bias = values(random, outputs)
  x, feeds = open_input(values(random, *image))
  expected = window.stock(
    x, lambda x, strides, padding: tf.nn.conv2d(x, weights, strides, padding)
  )
  expected = ACTIVATIONS[activation](expected + bias)
  actual = ops.fused_conv2d(
    x, weights, bias, activation=activation, **window.attributes()
  )
  assert_same(expected, actual, feeds)


def check_pool(image, method, window, seed):
  random = np.random.RandomState(seed)
  ops = library.load()
  x, feeds = open_input(values(random, *image))
  size = [1] + list(window.kernel) + [1]
  if method == 'max':
    expected = window.stock(
      x, lambda x, s, padding: tf.nn.max_pool(x, size, s, padding), -1e30
    )
  else:

    def average(x, strides, padding):
      return tf.nn.avg_pool(x, size, strides, padding)

    expected = window.stock(x, average) / window.stock(tf.ones_like(x), average)
  actual = ops.fast_pool(
    x, method=method, kernel_size=list(window.kernel), **window.attributes()
  )
  assert_same(expected, actual, feeds)


def check_crop(image, boxes, crop, pool, seed):
  random = np.random.RandomState(seed)
  ops = library.load()
  x, feeds = open_input(values(random, *image))
  # Boxes that are turned round, or partly or wholly outside, are all legal.
  box = random.uniform(-0.3, 1.3, (boxes, 4)).astype(np.float32)
  index = random.randint(0, image[0], boxes).astype(np.int32)
  crop = [crop[0] * pool, crop[1] * pool]
  expected = tf.image.crop_and_resize(
    x, box, index, crop, extrapolation_value=0.25
  )
  size = [1, pool, pool, 1]
  expected = tf.nn.max_pool(expected, size, size, 'VALID')
  actual = ops.crop_resize_max_pool(
    x, box, index, crop_size=crop, pool_size=pool, extrapolation_value=0.25
  )
  assert_same(expected, actual, feeds)


def check_resize(image, size, align_corners, seed):
  random = np.random.RandomState(seed)
  x, feeds = open_input(values(random, *image))
  expected = tf.image.resize_bilinear(x, size, align_corners)
  actual = library.load().fast_resize_bilinear(
    x, output_size=size, align_corners=align_corners
  )
  assert_same(expected, actual, feeds)


def check_cast(shape, seed):
  x = np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)
  actual = library.load().fast_cast(x)
  assert_same(tf.cast(x, tf.float32), actual)
