import numpy as np
import small_detector
import tensorflow.compat.v1 as tf

from object_detection_pruning.reconstruction import kernel_layers


def _find(build):
  with tf.Graph().as_default() as graph:
    image = tf.placeholder(tf.float32, [None, 8, 8, 3], name='image')
    build(image)
    return kernel_layers.find(graph.as_graph_def())


def _kernel(*shape):
  return tf.constant(np.ones(shape, np.float32), name='k')


def test_layers_come_in_the_order_of_the_graph():
  found = kernel_layers.find(small_detector.graph_def())
  assert [layer.name for layer in found.layers] == [
    'first',
    'depth',
    'point',
    'down',
    'class',
    'box',
  ]
  assert not found.rejected


def test_a_kernel_at_two_places_is_one_layer_with_two_sites():
  found = kernel_layers.find(small_detector.graph_def())
  (head,) = [layer for layer in found.layers if layer.name == 'class']
  assert [site.node for site in head.sites] == ['class/c0', 'class/c1']
  assert {site.shift.constant for site in head.sites} == {'class/bias'}


def test_means_are_corrected_in_batch_norm_and_against_a_bias():
  layers = kernel_layers.find(small_detector.graph_def()).layers
  first, head = layers[0].sites[0].shift, layers[-1].sites[0].shift
  assert first.constant == 'first/BatchNorm/moving_mean'
  assert (first.factor == 1).all()
  assert (head.factor == -1).all()


def test_a_folded_scale_is_heeded():
  def build(image):
    net = tf.nn.conv2d(image, _kernel(1, 1, 3, 2), 1, 'SAME')
    net *= tf.constant([2.0, 5.0])
    tf.add(net, tf.constant([1.0, 1.0], name='shift'))

  (layer,) = _find(build).layers
  assert layer.sites[0].shift.constant == 'shift'
  np.testing.assert_allclose(layer.sites[0].shift.factor, [-2, -5])


def test_nothing_is_moved_behind_a_scale_that_is_computed():
  def build(image):
    net = tf.nn.conv2d(image, _kernel(1, 1, 3, 2), 1, 'SAME')
    net *= tf.reduce_mean(image)
    tf.add(net, tf.constant([1.0, 1.0]))

  (layer,) = _find(build).layers
  assert layer.sites[0].shift is None


def test_kernel_at_places_with_other_paddings_is_left_alone():
  def build(image):
    kernel = _kernel(3, 3, 3, 2)
    for left, right in ((1, 1), (2, 0)):
      pads = [[0, 0], [1, 1], [left, right], [0, 0]]
      tf.nn.conv2d(image, kernel, 1, pads)

  assert not _find(build).layers


def test_batch_norm_in_single_ops_has_its_mean_corrected():
  def build(image):
    net = tf.nn.conv2d(image, _kernel(1, 1, 3, 2), 1, 'SAME')
    constant = {
      name: tf.constant([1.0, 2.0], name=name)
      for name in ('moving_mean', 'moving_variance', 'beta', 'gamma')
    }
    tf.nn.batch_normalization(
      net,
      constant['moving_mean'],
      constant['moving_variance'],
      constant['beta'],
      constant['gamma'],
      0.001,
    )

  (layer,) = _find(build).layers
  assert layer.sites[0].shift.constant == 'moving_mean'
  assert (layer.sites[0].shift.factor == 1).all()


def test_where_the_output_is_read_twice_nothing_corrects_its_mean():
  def build(image):
    net = tf.nn.conv2d(image, _kernel(1, 1, 3, 2), 1, 'SAME')
    tf.nn.bias_add(net, tf.constant([1.0, 1.0]))
    tf.nn.relu(net)

  (layer,) = _find(build).layers
  assert layer.sites[0].shift is None


def test_weights_that_are_computed_are_left_alone_with_the_reason():
  def build(image):
    tf.nn.conv2d(image, _kernel(1, 1, 3, 2) * 2.0, 1, 'SAME', name='odd')

  found = _find(build)
  assert not found.layers
  assert found.rejected[0].node == 'odd'
  assert 'no constant' in found.rejected[0].reason


def test_kernel_that_fits_one_of_three_places_is_left_alone_at_all():
  def build(image):
    kernel = _kernel(1, 1, 3, 2)
    for number, stride in enumerate((1, 2, 1)):
      tf.nn.conv2d(image, kernel, stride, 'SAME', name=f'c{number}')

  found = _find(build)
  assert not found.layers
  assert [each.node for each in found.rejected] == ['c1', 'c2']
