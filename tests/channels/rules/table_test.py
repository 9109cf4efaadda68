"""What single ops do to channels, where a guess would be wrong."""

import networks
import pytest
import tensorflow.compat.v1 as tf

slim = networks.slim


def _after(change):
  """A convolution, an op on what it makes, and one that reads that."""

  def network(image):
    net = change(slim.conv2d(image, 4, [3, 3], 4, scope='one'))
    return tf.nn.softmax(slim.conv2d(net, 3, [1, 1], scope='last'))

  return network


@pytest.mark.parametrize(
  'change, op_type',
  [
    (lambda net: tf.gather(net, [3, 1, 0, 2], axis=3), 'GatherV2'),
    (lambda net: net[..., ::-1], 'StridedSlice'),
    (lambda net: net[..., 1:], 'StridedSlice'),
    (lambda net: net[..., 1:2], 'StridedSlice'),
    (lambda net: net[..., 1, tf.newaxis], 'StridedSlice'),
    (lambda net: tf.slice(net, [0] * 4, [1, 4, 4, 2]), 'Slice'),
    (lambda net: tf.reverse(net, [3]), 'ReverseV2'),
    (lambda net: tf.tile(net, [1, 1, 1, 2]), 'Tile'),
    (lambda net: tf.pad(net, [[0, 0]] * 3 + [[1, 0]]), 'Pad'),
    (lambda net: net * tf.constant([1.0, 2.0, 3.0, 4.0]), 'Mul'),
    (lambda net: tf.nn.l2_normalize(net, 3), 'Sum'),
    (lambda net: tf.reshape(net, [1, 4, 8, 2]), 'Reshape'),
    (lambda net: tf.nn.lrn(net), 'LRN'),
    (lambda net: tf.nn.softmax(net), 'Softmax'),
  ],
)
def test_op_that_tells_channels_apart_keeps_them(change, op_type):
  channels = networks.find(_after(change))
  assert f'({op_type})' in networks.group(channels, 'one').reason


@pytest.mark.parametrize(
  'change',
  [
    lambda net: net[:, 1:, ::-1],
    lambda net: tf.gather(net, [2, 0], axis=1),
    lambda net: tf.tile(net, [1, 2, 1, 1]),
    lambda net: tf.add_n([net, net, net]),
    lambda net: tf.reverse(net, [1]),
    lambda net: net[:, :, tf.newaxis, 1],
    lambda net: net * tf.ones([net.shape[3].value]),
    lambda net: tf.transpose(tf.transpose(net, [0, 3, 1, 2]), [0, 2, 3, 1]),
    lambda net: tf.squeeze(tf.expand_dims(net, 1), [1]),
    lambda net: tf.unstack(tf.stack([net, net]))[1],
  ],
)
def test_op_that_treats_channels_alike_lets_them_go(change):
  network = _after(change)
  assert networks.group(networks.find(network), 'one').reason is None
  networks.assert_exact(network)


def _folded(image, scale_first):
  """Batch norm's scale is multiplied into the kernel before it is applied."""
  net = slim.conv2d(image, 4, [3, 3], 4, scope='first')
  kernel = tf.get_variable('folded/weights', [1, 1, 4, 6])
  scale = tf.get_variable('folded/scale/gamma', [6])
  kernel = scale * kernel if scale_first else kernel * scale
  net = tf.nn.conv2d(net, kernel, [1, 1, 1, 1], 'SAME')
  net = tf.nn.relu(tf.nn.bias_add(net, tf.get_variable('folded/biases', [6])))
  kernel = tf.get_variable('deep/depthwise_weights', [3, 3, 6, 1])
  scale = tf.reshape(tf.get_variable('deep/scale/gamma', [6]), [6, 1])
  kernel = scale * kernel if scale_first else kernel * scale
  net = tf.nn.depthwise_conv2d(net, kernel, [1, 1, 1, 1], 'SAME')
  return tf.nn.softmax(slim.conv2d(net, 3, [1, 1], scope='last'))


@pytest.mark.parametrize('scale_first', [False, True])
def test_folded_batch_norm_goes_with_its_kernel(scale_first):
  channels = networks.find(lambda image: _folded(image, scale_first))
  group = networks.group(channels, 'folded')
  assert group.layers == ['folded']
  found = networks.places(group)
  for name, axis in (
    ('folded/weights', 3),
    ('folded/scale/gamma', 0),
    ('folded/biases', 0),
    ('deep/depthwise_weights', 2),
    ('deep/scale/gamma', 0),
    ('last/weights', 2),
  ):
    assert found.pop((name, axis)) == list(range(6))
  assert not found
  assert set(channels.uses) == {
    'first/weights',
    'folded/weights',
    'deep/depthwise_weights',
    'last/weights',
  }
