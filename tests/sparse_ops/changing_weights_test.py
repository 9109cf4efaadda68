"""Weights that change in place, or from run to run, are the ones that count."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from sparse_op_inputs import (
  sparse_conv,
)

from object_detection_pruning.sparse_ops import library, packing


def test_sparse_conv_follows_weights_that_change_between_runs():
  values = tf.placeholder(tf.float32, [None])
  result = one_weight(values)
  with tf.Session() as session:
    for value in (2.0, 3.0, 5.0):
      assert session.run(result, {values: [value]}).ravel() == [value]


def one_weight(values, **settings):
  """1x1 convolution of a pixel that is 1, with one weight."""
  return library.load().sparse_conv2d(
    np.ones((1, 1, 1, 1), np.float32),
    np.array([1], np.uint8),
    values,
    np.zeros(1, np.float32),
    [],
    [],
    kernel_shape=[1, 1, 1, 1],
    output_depths=[1],
    num_outputs=1,
    strides=[1, 1],
    padding='SAME',
    **settings,
  )[0]


def test_constants_that_another_feed_replaces_are_looked_through():
  values = tf.placeholder(tf.float32, [None])
  result = one_weight(values, constant_weights=True)
  with tf.Session() as session:
    for value in (2.0, 3.0, 3.0, 5.0):
      assert session.run(result, {values: [value]}).ravel() == [value]


def test_constants_are_read_once():
  variable = tf.Variable([2.0], use_resource=False)
  result = one_weight(variable, constant_weights=True)
  with tf.Session() as session:
    session.run(variable.initializer)
    assert session.run(result).ravel() == [2]
    # That these are constants was not true, and so nothing looks at them.
    session.run(tf.assign(variable, [3.0]))
    assert session.run(result).ravel() == [2]


def test_sparse_conv_follows_a_variable_that_changes_in_place():
  variable = tf.Variable([1.0], use_resource=False)
  result = one_weight(variable)
  with tf.Session() as session:
    session.run(variable.initializer)
    for value in (2.0, -2.0, 3.0):
      session.run(tf.assign(variable, [value]))
      assert session.run(result).ravel() == [value]


def test_sparse_conv_sees_every_weight_that_changes():
  # As many weights as make several words for each sum of a fingerprint.
  count = 75
  variable = tf.Variable(np.ones(count, np.float32), use_resource=False)
  mask, _ = packing.pack(np.ones((1, 1, count, 1), np.float32))
  result = sparse_conv(
    x=np.ones((1, 1, 1, count), np.float32),
    mask=mask,
    values=variable,
    bias=np.zeros(1, np.float32),
    kernel_shape=[1, 1, count, 1],
    output_depths=[1],
  )[0]
  values = np.ones(count, np.float32)
  with tf.Session() as session:
    for i in range(count - 1):
      # Two signs at once: sums that cancel out would miss it.
      values[i : i + 2] *= -1
      session.run(tf.assign(variable, values))
      assert session.run(result).ravel() == [values.sum()]


@pytest.mark.parametrize('name', ['values', 'scales'])
def test_bytes_and_scales_may_change_in_place(name):
  tensors = {'values': np.array([2], np.int8), 'scales': np.ones(1, np.float32)}
  variable = tf.Variable(tensors[name], use_resource=False)
  tensors[name] = variable
  result = sparse_conv(
    x=np.ones((1, 1, 1, 1), np.float32),
    mask=np.array([1], np.uint8),
    values=tensors['values'],
    scales=[tensors['scales']],
    bias=np.zeros(1, np.float32),
    kernel_shape=[1, 1, 1, 1],
    output_depths=[1],
  )[0]
  with tf.Session() as session:
    session.run(variable.initializer)
    before = session.run(result).ravel()
    session.run(tf.assign(variable, variable * 3))
    assert session.run(result).ravel() == [3 * before]
    assert before == [2]


def test_mask_that_changes_in_place_is_checked_again_for_other_images():
  channels = 64
  weights = channels * channels
  first = np.zeros(weights // 8, np.uint8)
  first[0] = 1
  changed = tf.placeholder(tf.uint8, [weights // 8])
  image = tf.placeholder(tf.float32, [None, None, None, channels])
  mask = tf.raw_ops.InplaceUpdate(
    x=tf.constant(first), i=tf.range(weights // 8), v=changed
  )
  result = library.load().sparse_conv2d(
    image,
    mask,
    np.ones(1, np.float32),
    np.zeros(channels, np.float32),
    [],
    [],
    kernel_shape=[1, 1, channels, channels],
    output_depths=[channels],
    num_outputs=1,
    strides=[1, 1],
    padding='SAME',
  )[0]
  with tf.Session() as session:
    pixels = np.ones((1, 4, 4, channels), np.float32)
    assert session.run(result, {image: pixels, changed: first}).sum() == 16
    pixels = np.ones((1, 19, 23, channels), np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match='bits set'):
      session.run(result, {image: pixels, changed: np.full_like(first, 255)})
