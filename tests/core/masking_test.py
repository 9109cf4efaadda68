"""Masks: where they are made, what they hide, how they are shared."""

import masked_graph
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.common import errors
from object_detection_pruning.core import masking


def test_makes_contribs_variables_ops_and_collections():
  with masking.masking_scope():
    slim.conv2d(masked_graph.images(), 4, 3, scope='net/conv')
  assert masked_graph.variable_names() == [
    'net/conv/weights',
    'net/conv/mask',
    'net/conv/threshold',
    'net/conv/biases',
  ]
  assert masked_graph.names('kernel') == ['net/conv/weights']
  assert masked_graph.names('masks') == ['net/conv/mask']
  assert masked_graph.names('thresholds') == ['net/conv/threshold']
  assert masked_graph.names('masked_weights') == ['net/conv/masked_weight']
  pruning = pytest.importorskip(
    'tensorflow.contrib.model_pruning', reason='TensorFlow 2 has no tf.contrib'
  )
  assert [
    pruning.get_weights(),
    pruning.get_masks(),
    pruning.get_thresholds(),
    pruning.get_masked_weights(),
  ] == [[item] for item in masking.masked_kernels()[0][1:]]


def test_masks_start_at_one_and_are_not_trained():
  with masking.masking_scope():
    slim.conv2d(masked_graph.images(), 4, 3, scope='conv')
  (kernel,) = masking.masked_kernels()
  assert kernel.size == 3 * 3 * 3 * 4
  assert kernel.mask.shape == kernel.weights.shape
  assert kernel.threshold.shape.as_list() == []
  assert {v.op.name for v in tf.trainable_variables()} == {
    'conv/weights',
    'conv/biases',
  }
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    assert session.run(kernel.mask).min() == 1
    assert session.run(kernel.threshold) == 0


@pytest.mark.parametrize(
  'layer',
  [
    lambda x: slim.conv2d(x, 4, 3, scope='it'),
    lambda x: slim.conv2d_transpose(x, 4, 3, scope='it'),
    lambda x: slim.separable_conv2d(x, 4, 3, 1, scope='it'),
    lambda x: slim.fully_connected(x, 4, scope='it'),
    lambda x: tf.layers.conv2d(x, 4, 3, name='it'),
    lambda x: tf.layers.separable_conv2d(x, 4, 3, name='it'),
    lambda x: tf.layers.dense(x, 4, name='it'),
  ],
)
def test_masked_weights_reach_the_output(layer):
  with masking.masking_scope():
    y = layer(masked_graph.images())
  (kernel,) = masking.masked_kernels()
  assert kernel.layer == 'it'
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    assert session.run(y).any()
    masked_graph.set_mask(
      session, kernel, np.zeros(kernel.mask.shape.as_list())
    )
    assert session.run(kernel.weights).any()
    assert not session.run(y).any()


def test_depthwise_kernels_are_masked_only_on_request():
  x = masked_graph.images()
  with masking.masking_scope():
    slim.separable_conv2d(x, 4, 3, 1, scope='a')
    slim.separable_conv2d(x, None, 3, 1, scope='b')
  assert masked_graph.names('kernel') == ['a/pointwise_weights']
  with masking.masking_scope(depthwise=True):
    y = slim.separable_conv2d(x, 4, 3, 1, scope='c')
  assert masked_graph.names('masks') == ['a/mask', 'c/depthwise_mask', 'c/mask']
  assert masked_graph.names('masked_weights')[1] == 'c/depthwise_masked_weight'
  depthwise = masking.masked_kernels()[1]
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(session, depthwise, np.zeros([3, 3, 3, 1]))
    assert not session.run(y).any()


def test_reused_layers_share_one_mask():
  x, y = masked_graph.images(), masked_graph.images()
  with masking.masking_scope():
    first = slim.conv2d(x, 4, 3, scope='conv')
    second = slim.conv2d(y, 4, 3, scope='conv', reuse=True)
    with tf.variable_scope('', reuse=tf.AUTO_REUSE):
      third = slim.conv2d(y, 4, 3, scope='conv')
  assert masked_graph.names('masks') == ['conv/mask']
  assert [len(tf.get_collection(c)) for c in ('kernel', 'thresholds')] == [1, 1]
  (kernel,) = masking.masked_kernels()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(session, kernel, np.zeros([3, 3, 3, 4]))
    for output in session.run([first, second, third]):
      assert not output.any()


def test_batch_norm_and_activation_stay():
  with slim.arg_scope(
    [slim.conv2d],
    normalizer_fn=slim.batch_norm,
    activation_fn=tf.nn.relu6,
    padding='VALID',
  ), masking.masking_scope():
    y = slim.conv2d(masked_graph.images(), 4, 3, scope='conv')
  assert y.op.type == 'Relu6'
  assert y.shape.as_list() == [2, 4, 4, 4]
  assert 'conv/BatchNorm/moving_mean' in masked_graph.variable_names()
  assert 'conv/biases' not in masked_graph.variable_names()


def test_masks_are_saved_and_restored_with_the_model():
  with masking.masking_scope():
    slim.conv2d(masked_graph.images(), 2, 1, scope='conv')
  for variables in (tf.model_variables(), tf.global_variables()):
    assert {'conv/mask', 'conv/threshold'} < {v.op.name for v in variables}


def test_resource_variables_are_masked():
  with tf.variable_scope('net', use_resource=True), masking.masking_scope():
    y = slim.conv2d(masked_graph.images(), 2, 1, scope='conv')
    slim.conv2d(masked_graph.images(), 2, 1, scope='conv', reuse=True)
  (kernel,) = masking.masked_kernels()
  assert kernel.weights.op.type == kernel.mask.op.type == 'VarHandleOp'
  assert kernel.masked_weight.op.name == 'net/conv/masked_weight'
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(session, kernel, np.zeros([1, 1, 3, 2]))
    assert not session.run(y).any()


def test_partitioned_kernel_is_an_error_and_not_left_dense():
  partitioner = tf.fixed_size_partitioner(2)
  with tf.variable_scope('net', partitioner=partitioner), masking.masking_scope(
    exclude=['a']
  ):
    slim.conv2d(masked_graph.images(), 2, 1, scope='a')
    with pytest.raises(errors.InputError, match='net/b/weights is partitioned'):
      slim.conv2d(masked_graph.images(), 2, 1, scope='b')
