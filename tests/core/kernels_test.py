import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import kernels


@pytest.mark.parametrize(
  'name, rank, kind',
  [
    ('net/conv/weights', 4, kernels.DENSE),
    ('net/fc/kernel', 2, kernels.DENSE),
    ('weights', 2, kernels.DENSE),
    ('net/sep/pointwise_weights', 4, kernels.DENSE),
    ('net/sep/pointwise_kernel', 4, kernels.DENSE),
    ('net/sep/depthwise_weights', 4, kernels.DEPTHWISE),
    ('net/sep/depthwise_kernel', 4, kernels.DEPTHWISE),
    ('net/conv/biases', 1, None),
    ('net/conv/weights', 1, None),
    ('net/conv/weights', None, None),
    ('net/conv/weights/Momentum', 4, None),
    ('net/conv/my_weights', 4, None),
    ('net/conv/mask', 4, None),
    ('net/weights/table', 2, None),
  ],
)
def test_kernels_are_told_by_name_and_rank(name, rank, kind):
  assert kernels.kind_of(name, rank) == kind


@pytest.mark.parametrize(
  'kernel, mask, threshold, masked_weight',
  [
    ('a/b/weights', 'a/b/mask', 'a/b/threshold', 'a/b/masked_weight'),
    ('a/pointwise_weights', 'a/mask', 'a/threshold', 'a/masked_weight'),
    (
      'a/depthwise_weights',
      'a/depthwise_mask',
      'a/depthwise_threshold',
      'a/depthwise_masked_weight',
    ),
    ('weights', 'mask', 'threshold', 'masked_weight'),
  ],
)
def test_names_beside_a_kernel(kernel, mask, threshold, masked_weight):
  assert kernels.mask_names(kernel) == (mask, threshold)
  assert kernels.masked_weight_name(kernel) == masked_weight
  for name in (mask, threshold):
    assert kernels.is_pruning_variable(name, {kernel, name})


@pytest.mark.parametrize(
  'name',
  [
    'a/mask',
    'a/depthwise_mask',
    'a/b/mask',
    'mask',
    'sep/depthwise_threshold',
    'conv/weights',
    'conv/my_mask',
  ],
)
def test_variable_that_is_beside_no_kernel_is_no_mask(name):
  names = {'a/biases', 'conv/weights', 'sep/pointwise_weights', name}
  assert not kernels.is_pruning_variable(name, names)


def test_pairs_kernels_with_masks():
  shapes = {
    'a/weights': (3, 3, 4, 8),
    'a/mask': (3, 3, 4, 8),
    'a/threshold': (),
    'sep/depthwise_weights': (3, 3, 4, 1),
    'sep/pointwise_weights': (1, 1, 4, 8),
    'sep/mask': (1, 1, 4, 8),
    'dense/kernel': (4, 2),
    'lonely/mask': (4, 2),
  }
  assert kernels.kernels_with_masks(shapes) == {
    'a/weights': 'a/mask',
    'sep/pointwise_weights': 'sep/mask',
  }


def test_lists_kernels_of_a_graph_without_optimizer_slots():
  x = tf.zeros([1, 4, 4, 2])
  y = slim.separable_conv2d(x, 3, 3, 1, scope='sep')
  y = slim.flatten(y)
  y = tf.layers.dense(y, 2, name='head')
  tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(y))
  assert [v.op.name for v in kernels.all_kernels()] == [
    'sep/depthwise_weights',
    'sep/pointwise_weights',
    'head/kernel',
  ]
