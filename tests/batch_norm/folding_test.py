import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.batch_norm import folding

IMAGE = np.random.RandomState(0).uniform(-1, 1, [2, 9, 9, 3]).astype('f')


def batch_norm(net, name, channels):
  random = np.random.RandomState(len(name))
  values = random.uniform(0.5, 2, [4, channels]).astype('f')
  # A negative scale would make -0 of 0.
  values[0, ::2] *= -1
  return tf.nn.fused_batch_norm(
    net, *values, is_training=False, epsilon=1e-3, name=name
  )[0]


def kernel(name, shape, zeros=0.5):
  random = np.random.RandomState(1)
  values = random.normal(size=shape)
  values[random.uniform(size=shape) < zeros] = 0
  return tf.constant(values.astype('f'), name=name)


def image():
  return tf.placeholder(tf.float32, [None, 9, 9, 3], 'image')


def run(graph_def, outputs):
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    return session.run([f'{o}:0' for o in outputs], {'image:0': IMAGE})


def fold(*outputs):
  """Folds the default graph; its outputs stay as they are."""
  graph_def = tf.get_default_graph().as_graph_def()
  expected = run(graph_def, outputs)
  folded = folding.fold(graph_def, outputs)
  for got, wanted in zip(run(folded, outputs), expected):
    assert np.unique(wanted).size > 10
    np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max())
  return folded


def ops(graph_def):
  return sorted(node.op for node in graph_def.node)


def batch_norms(graph_def):
  # Its version depends on TensorFlow's.
  return [op for op in ops(graph_def) if op.startswith('FusedBatchNorm')]


def values(graph_def, size):
  found = [
    tf.make_ndarray(node.attr['value'].tensor)
    for node in graph_def.node
    if node.op == 'Const'
  ]
  return [value for value in found if value.size == size]


def test_zeros_of_a_folded_kernel_are_plain_zeros():
  weights = kernel('conv/weights', [3, 3, 3, 4])
  net = tf.nn.conv2d(image(), weights, 1, 'SAME')
  tf.nn.relu6(batch_norm(net, 'norm', 4), name='output')
  folded = fold('output')
  assert ops(folded) == [
    'BiasAdd',
    'Const',
    'Const',
    'Conv2D',
    'Placeholder',
    'Relu6',
  ]
  (after,) = values(folded, 3 * 3 * 3 * 4)
  with tf.Session() as session:
    before = session.run(weights)
  np.testing.assert_array_equal(after == 0, before == 0)
  assert not np.signbit(after[after == 0]).any()


def test_bias_before_a_batch_norm_is_folded_too():
  net = tf.nn.conv2d(image(), kernel('weights', [1, 1, 3, 4]), 1, 'SAME')
  net = tf.nn.bias_add(net, tf.constant([1.0, 2.0, 3.0, 4.0]))
  tf.identity(batch_norm(net, 'norm', 4), 'output')
  assert ops(fold('output')).count('BiasAdd') == 1


def test_depthwise_kernel_is_folded_by_its_own_channels():
  net = tf.nn.depthwise_conv2d_native(
    image(), kernel('weights', [3, 3, 3, 2]), [1, 1, 1, 1], 'SAME'
  )
  tf.identity(batch_norm(net, 'norm', 6), 'output')
  assert batch_norms(fold('output')) == []


@pytest.mark.parametrize('same', [True, False])
def test_shared_kernel_stays_shared_if_its_batch_norm_is(same):
  weights = kernel('weights', [3, 3, 3, 4])
  first = image()
  for i, net in enumerate((first, 2 * first)):
    net = tf.nn.conv2d(net, weights, 1, 'SAME')
    net = batch_norm(net, 'norm' if same else f'norm{"x" * i}', 4)
    tf.nn.relu(net, name=f'output{i}')
  folded = fold('output0', 'output1')
  assert batch_norms(folded) == []
  assert len(values(folded, 108)) == (1 if same else 2)


def test_convolution_that_somebody_else_reads_is_left_alone():
  net = tf.nn.conv2d(image(), kernel('weights', [3, 3, 3, 4]), 1, 'SAME')
  tf.identity(net, 'raw')
  tf.identity(batch_norm(net, 'norm', 4), 'output')
  assert len(batch_norms(fold('raw', 'output'))) == 1


def test_bias_alone_is_left_as_it_is():
  net = tf.nn.conv2d(image(), kernel('weights', [3, 3, 3, 4]), 1, 'SAME')
  tf.nn.bias_add(net, tf.constant([1.0, 2.0, 3.0, 4.0], name='b'), name='out')
  assert 'weights' in [node.name for node in fold('out').node]


def test_channels_that_are_scaled_and_shifted_by_arithmetic_are_folded():
  net = tf.nn.conv2d(image(), kernel('weights', [3, 3, 3, 4]), 1, 'SAME')
  net = net * tf.constant([1.0, -2.0, 3.0, 4.0])
  net += tf.constant([1.0, 2.0, 3.0, 4.0])
  tf.nn.relu(net, name='output')
  found = ops(fold('output'))
  assert 'Mul' not in found and found.count('BiasAdd') == 1
