"""Depthwise kernels go with the channels they filter."""

import networks
import pytest
import tensorflow.compat.v1 as tf

slim = networks.slim


def _network(image):
  net = slim.conv2d(image, 4, [3, 3], scope='first')
  net = slim.separable_conv2d(
    net, None, [3, 3], 1, **networks.BATCH_NORM, scope='deep'
  )
  net = slim.separable_conv2d(net, 5, [3, 3], 2, scope='both')
  return tf.nn.softmax(slim.conv2d(net, 3, [1, 1], scope='last'))


def test_depthwise_kernel_and_its_batch_norm_go_with_the_filters():
  group = networks.group(networks.find(_network), 'first')
  found = networks.places(group)
  assert ('deep/depthwise_weights', 2) in found
  assert ('deep/BatchNorm/moving_variance', 0) in found
  # The multiplier of 2 gives each channel two neighbouring ones.
  (part,) = [
    part for part in group.slices if part.variable == 'both/pointwise_weights'
  ]
  assert part.indices.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_multiplier_is_no_group():
  layers = [group.name for group in networks.find(_network).groups]
  assert layers == ['first', 'both', 'last']


@pytest.mark.parametrize('seed', range(3))
def test_surgery_is_exact(seed):
  networks.assert_exact(_network, seed)
