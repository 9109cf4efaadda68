"""Concat: consumers' channels are shifted by what stands before them."""

import networks
import pytest
import tensorflow.compat.v1 as tf

slim = networks.slim


def _network(image):
  one = slim.conv2d(image, 3, [1, 1], scope='one')
  two = slim.conv2d(image, 5, [3, 3], scope='two')
  joined = tf.concat([slim.max_pool2d(one, [3, 3], 1, 'SAME'), two, one], 3)
  return tf.nn.softmax(
    slim.conv2d(joined, 4, [1, 1], activation_fn=None, scope='last')
  )


def test_consumer_is_cut_at_the_offset():
  channels = networks.find(_network)
  assert networks.places(networks.group(channels, 'two')) == {
    ('two/weights', 3): [0, 1, 2, 3, 4],
    ('two/biases', 0): [0, 1, 2, 3, 4],
    ('last/weights', 2): [3, 4, 5, 6, 7],
  }


def test_branch_that_is_joined_twice_is_cut_twice():
  channels = networks.find(_network)
  (part,) = [
    part
    for part in networks.group(channels, 'one').slices
    if part.variable == 'last/weights'
  ]
  assert part.indices.tolist() == [[0, 8], [1, 9], [2, 10]]


@pytest.mark.parametrize('seed', range(3))
def test_surgery_is_exact(seed):
  networks.assert_exact(_network, seed)
