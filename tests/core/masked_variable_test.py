"""Masked kernels as tensors, and what is collected and regularized of them."""

import masked_graph
import numpy as np
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import masking


def test_regularizer_and_gradient_do_as_without_a_mask():
  x = tf.ones([1, 2])
  with masking.masking_scope():
    y = slim.fully_connected(
      x,
      3,
      activation_fn=None,
      weights_regularizer=slim.l2_regularizer(2.0),
      biases_initializer=None,
      scope='fc',
    )
  (kernel,) = masking.masked_kernels()
  (penalty,) = tf.losses.get_regularization_losses()
  (penalty_gradient,) = tf.gradients(penalty, [kernel.weights])
  (gradient,) = tf.gradients(tf.reduce_sum(y), [kernel.weights])
  mask = np.float32([[1, 0, 1], [0, 0, 1]])
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(session, kernel, mask)
    weights = session.run(kernel.weights)
    assert (weights != 0).all()
    # The penalty is on the weights as they are, masked ones included.
    np.testing.assert_allclose(
      session.run(penalty), (weights**2).sum(), rtol=1e-5
    )
    np.testing.assert_allclose(
      session.run(penalty_gradient), 2 * weights, rtol=1e-5
    )
    np.testing.assert_array_equal(session.run(gradient), mask)


def test_user_collects_raw_weights_and_no_masks():
  collections = {'weights': ['mine'], 'biases': ['other']}
  with masking.masking_scope():
    slim.conv2d(
      masked_graph.images(),
      2,
      1,
      variables_collections=collections,
      scope='conv',
    )
    tf.get_variable(
      'fc/weights', [2, 2], collections=['mine', tf.GraphKeys.GLOBAL_VARIABLES]
    )
  assert masked_graph.names('mine') == ['conv/weights', 'fc/weights']
  assert {'conv/mask', 'fc/mask'} < set(masked_graph.variable_names())


def test_regularizer_counts_once_however_often_a_layer_is_reused():
  def build():
    x = masked_graph.images()
    with slim.arg_scope(
      [slim.conv2d, slim.separable_conv2d, slim.fully_connected],
      weights_regularizer=slim.l2_regularizer(1.0),
    ):
      for reuse in (None, True, tf.AUTO_REUSE):
        slim.conv2d(x, 2, 1, reuse=reuse, scope='conv')
        slim.separable_conv2d(x, 2, 3, 1, reuse=reuse, scope='sep')
        slim.fully_connected(x, 2, reuse=reuse, scope='fc')
    return masked_graph.names(tf.GraphKeys.REGULARIZATION_LOSSES)

  with tf.Graph().as_default():
    stock = build()
  with masking.masking_scope():
    assert build() == stock
  assert len(masked_graph.masked_layers()) == 3


def test_masked_kernel_computes_like_a_tensor():
  with masking.masking_scope():
    kernel = tf.get_variable('weights', [2, 2])
  (masked,) = masking.masked_kernels()
  results = [
    kernel,
    kernel + 1,
    2 * kernel,
    -kernel,
    kernel[0],
    kernel @ kernel,
  ]
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(session, masked, np.eye(2))
    raw = session.run(masked.weights)
    it = raw * np.eye(2)
    for result, expected in zip(
      session.run(results),
      [it, it + 1, 2 * it, -it, it[0], it @ it],
    ):
      np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_kernel_that_is_first_used_in_a_loop_can_be_used_outside():
  def step(i, x):
    with tf.variable_scope('', reuse=tf.AUTO_REUSE):
      return i + 1, slim.conv2d(x, 3, 1, activation_fn=None, scope='conv')

  x = masked_graph.images()
  with masking.masking_scope():
    _, looped = tf.while_loop(lambda i, _: i < 2, step, [0, x])
    _, once = step(0, x)
    twice = step(0, once)[1]
  assert masked_graph.masked_layers() == ['conv']
  (kernel,) = masking.masked_kernels()
  gradient = tf.gradients(tf.reduce_sum(looped), [kernel.weights])[0]
  mask = np.ones([1, 1, 3, 3], np.float32)
  mask[0, 0, 1] = 0
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(session, kernel, mask)
    a, b, masked_gradient = session.run([looped, twice, gradient])
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert (masked_gradient[mask == 0] == 0).all()
    assert (masked_gradient[mask == 1] != 0).all()


def test_kernel_used_in_a_condition_after_it_was_used_outside():
  x = masked_graph.images()
  with masking.masking_scope():
    outside = slim.conv2d(x, 3, 1, scope='conv')
    inside = tf.cond(
      tf.constant(True),
      lambda: slim.conv2d(x, 3, 1, scope='conv', reuse=True),
      lambda: x,
    )
  assert masked_graph.masked_layers() == ['conv']
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(
      session, masking.masked_kernels()[0], np.eye(3)[None, None]
    )
    a, b = session.run([outside, inside])
    np.testing.assert_array_equal(a, b)
