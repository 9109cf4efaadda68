import computed_networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import function

from object_detection_pruning.common import errors
from object_detection_pruning.inspection import graph_cost
from object_detection_pruning.sparse_ops import loading, rewrite

IMAGE = np.zeros([12, 20, 3], np.uint8)


def kernel(shape, zeros, seed=0):
  """A constant with so many zeros among its values."""
  values = np.random.RandomState(seed).uniform(0.5, 1, int(np.prod(shape)))
  values[:zeros] = 0
  return tf.constant(values.reshape(shape), tf.float32)


def images():
  return tf.placeholder(tf.float32, [1, None, None, 3], 'images')


def cost(graph):
  return graph_cost.measure(graph.as_graph_def(), IMAGE)


def test_macs_are_places_times_weights(graph):
  net = tf.nn.conv2d(
    images(), kernel([3, 3, 3, 8], 100), [1, 2, 2, 1], 'SAME', name='a/Conv2D'
  )
  net = tf.nn.bias_add(net, tf.constant([0.0, 1, 2, 3, 4, 5, 6, 7]))
  net = tf.nn.depthwise_conv2d(
    net, kernel([3, 3, 8, 2], 4), [1, 1, 1, 1], 'VALID', name='b/depthwise'
  )
  tf.matmul(tf.reduce_mean(net, [1, 2]), kernel([16, 5], 30), name='c/MatMul')
  found = cost(graph)
  assert [
    (layer.name, layer.size, layer.nonzeros, layer.macs, layer.nonzero_macs)
    for layer in found.layers
  ] == [
    ('a', 216, 116, 6 * 10 * 216, 6 * 10 * 116),
    ('b', 144, 140, 4 * 8 * 144, 4 * 8 * 140),
    ('c', 80, 50, 80, 50),
  ]
  assert (found.other_parameters, found.other_nonzeros) == (8, 7)
  assert found.parameters == 216 + 144 + 80 + 8
  assert found.nonzeros == 116 + 140 + 50 + 7
  assert found.sparsity == pytest.approx(134 / 440)


def test_kernel_of_two_calls_counts_once_and_works_twice(graph):
  shared = kernel([1, 1, 3, 4], 3)
  image = images()
  first = tf.nn.conv2d(image, shared, [1, 1, 1, 1], 'SAME')
  second = tf.nn.conv2d(image, shared, [1, 2, 2, 1], 'SAME')
  tf.add(tf.reduce_sum(first), tf.reduce_sum(second))
  (layer,) = cost(graph).layers
  assert layer.size == 12
  assert layer.macs == (240 + 60) * 12
  assert layer.nonzero_macs == (240 + 60) * 9


def test_kernels_that_are_zero_all_over_are_counted_one_by_one(graph):
  net = images()
  for _ in range(3):
    net = tf.nn.conv2d(net, tf.zeros([1, 1, 3, 3]), 1, 'SAME')
  shared = tf.identity(tf.zeros([1, 1, 3, 3]))
  for _ in range(2):
    net = tf.nn.conv2d(net, tf.identity(shared), 1, 'SAME')
  found = cost(graph)
  assert (found.parameters, found.nonzeros) == (4 * 9, 0)
  assert [layer.macs for layer in found.layers] == [240 * 9] * 3 + [480 * 9]


def test_copies_of_a_kernel_count_once(graph):
  net = images()
  for _ in range(2):
    net = tf.nn.conv2d(net, kernel([1, 1, 3, 3], 4), 1, 'SAME')
  assert cost(graph).parameters == 9


def test_sparse_kernels_that_are_zero_all_over_are_counted_one_by_one(graph):
  net = images()
  for channels in (3, 32, 32):
    zeros = np.zeros([1, 1, channels, 32], np.float32)
    net = tf.nn.conv2d(net, tf.constant(zeros), 1, 'SAME')
  rewritten = rewrite.rewrite(graph.as_graph_def()).graph_def
  net_cost = graph_cost.measure(rewritten, IMAGE)
  assert [layer.shape for layer in net_cost.layers] == [
    (1, 1, 3, 32),
    (1, 1, 32, 32),
    (1, 1, 32, 32),
  ]


def test_what_detections_do_not_need_is_not_counted(graph):
  image = tf.cast(
    tf.placeholder(tf.uint8, [1, None, None, 3], 'image_tensor'),
    tf.float32,
  )
  needed = tf.nn.conv2d(image, kernel([1, 1, 3, 4], 0), [1, 1, 1, 1], 'SAME')
  tf.nn.conv2d(image, kernel([1, 1, 3, 64], 0), [1, 1, 1, 1], 'SAME')
  for name in (
    'num_detections',
    'detection_boxes',
    'detection_scores',
    'detection_classes',
  ):
    tf.reduce_sum(needed, name=name)
  assert [layer.shape for layer in cost(graph).layers] == [(1, 1, 3, 4)]


def test_sparse_graph_has_the_cost_of_the_plain_one(exported):
  plain, sparse = (
    graph_cost.measure(loading.read_graph_def(f'{exported}/{name}'), IMAGE)
    for name in ('frozen_inference_graph.pb', 'sparse_inference_graph.pb')
  )
  assert 0.3 < plain.sparsity < 0.9
  assert not plain.not_counted
  assert not sparse.not_counted
  assert sparse.sparsity == plain.sparsity
  assert sparse.macs == plain.macs
  assert sparse.nonzero_macs == plain.nonzero_macs
  assert len(sparse.layers) <= len(plain.layers)


def test_sparse_fully_connected_layer_is_counted(graph):
  net = tf.reduce_mean(images(), [1, 2])
  net = tf.matmul(net, kernel([3, 64], 160))
  tf.nn.relu(tf.nn.bias_add(net, tf.zeros([64])))
  rewritten = rewrite.rewrite(graph.as_graph_def()).graph_def
  (layer,) = graph_cost.measure(rewritten, IMAGE).layers
  assert (layer.op, layer.nonzeros, layer.macs) == ('SparseMatMulBias', 32, 192)


def test_graph_that_takes_no_image_is_refused(graph):
  vector = tf.placeholder(tf.float32, [1, 7])
  tf.matmul(vector, kernel([7, 2], 0))
  with pytest.raises(errors.InputError, match='takes no image'):
    cost(graph)


def test_constants_that_are_nan_or_infinite_are_named(graph):
  net = tf.nn.conv2d(
    images(), kernel([1, 1, 3, 2], 0), [1, 1, 1, 1], 'SAME', name='a/Conv2D'
  )
  net = tf.nn.bias_add(net, tf.constant([0.0, np.nan], name='a/biases'))
  net *= tf.constant([np.inf, -np.inf], name='a/scale')
  # A scalar may stand for no bound.
  tf.minimum(net, tf.constant(np.inf, name='bound'))
  assert dict(cost(graph).not_finite) == {'a/biases': 1, 'a/scale': 2}


def test_weights_of_half_precision_count_as_what_they_become(graph):
  weights = kernel([3, 3, 3, 8], 100)
  stored = tf.cast(tf.cast(weights, tf.float16), tf.float32)
  tf.nn.conv2d(images(), stored, [1] * 4, 'SAME', name='a/Conv2D')
  (layer,) = cost(graph).layers
  assert (layer.size, layer.nonzeros) == (216, 116)
  assert layer.macs == 12 * 20 * 216


@pytest.mark.parametrize('kind', computed_networks.ALL)
def test_kernels_that_are_computed_from_constants_count_as_variables(kind):
  network = computed_networks.frozen(kind)
  found = graph_cost.measure(network.graph_def, IMAGE)
  assert found.parameters == network.size
  assert sum(layer.size - layer.nonzeros for layer in found.layers) == (
    network.zeros
  )
  assert not found.not_counted
  assert found.macs
  assert 'not counted' not in found.as_table()


def looped(image):
  row, weights = image[:, 0, 0], kernel([3, 3], 2)
  return tf.while_loop(
    lambda row: tf.reduce_sum(row) < 9,
    lambda row: tf.matmul(row, weights, name='step') + 1,
    [row],
    parallel_iterations=1,
  )


def batched(image):
  weights = kernel([1, 12, 3, 5], 2)
  # Both sides depend on the image, so there is no kernel here.
  tf.matmul(image, image, transpose_b=True, name='attention')
  return tf.matmul(image, weights, name='heads')


def from_the_left(image):
  weights = kernel([4, 3], 2)
  return tf.matmul(weights, image[0, 0], transpose_b=True, name='left')


def outer(image):
  # From 7 numbers, so that the graph would grow.
  weights = kernel([1, 1, 3, 1], 1) * kernel([1, 1, 1, 4], 1, seed=1)
  return tf.nn.conv2d(image, weights, 1, 'SAME', name='outer')


def halves(image):
  first, second = tf.split(kernel([1, 1, 3, 4], 1), 2, axis=3)
  net = tf.nn.conv2d(image, first, 1, 'SAME', name='first')
  return net + tf.nn.conv2d(image, second, 1, 'SAME', name='second')


@pytest.mark.parametrize(
  ('build', 'names'),
  [
    (looped, ['while/step']),
    (batched, ['heads']),
    (from_the_left, ['left']),
    (outer, ['outer']),
    (halves, ['first', 'second']),
  ],
)
def test_kernels_that_are_not_understood_are_named(graph, build, names):
  image = images()
  net = tf.nn.conv2d(image, kernel([1, 1, 3, 3], 2), 1, 'SAME', name='seen')
  build(net)
  found = cost(graph)
  assert [layer.name for layer in found.layers] == ['seen']
  assert list(found.not_counted) == names
  assert found.as_dict()['not_counted'] == names
  assert found.as_table().splitlines()[-1] == (
    'warning: kernels that are not counted: ' + ', '.join(names)
  )


def test_kernels_in_functions_that_are_called_are_named(graph):
  net = tf.nn.conv2d(images(), kernel([1, 1, 3, 3], 2), 1, 'SAME', name='seen')

  @function.Defun(tf.float32, func_name='head')
  def head(net):
    return tf.matmul(net, kernel([3, 2], 2), name='product')

  head(tf.reduce_mean(net, [1, 2]))
  (name,) = cost(graph).not_counted
  # TensorFlow numbers the nodes of a function, or does not.
  assert name.startswith('head/product')
