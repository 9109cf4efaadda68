"""Weights that several calls share tie what each of them is given."""

import networks
import pytest
import tensorflow.compat.v1 as tf

slim = networks.slim


def _network(image):
  one = slim.conv2d(image, 5, [3, 3], scope='one')
  two = slim.conv2d(image, 5, [3, 3], 2, scope='two')
  heads = []
  for net in (one, two):
    with tf.variable_scope('head', reuse=tf.AUTO_REUSE):
      net = slim.conv2d(net, 4, [3, 3], scope='tower')
      heads.append(slim.conv2d(net, 2, [1, 1], scope='out'))
  return tf.concat([tf.reshape(head, [1, -1, 2]) for head in heads], 1)


def test_inputs_of_both_calls_are_one_group():
  group = networks.group(networks.find(_network), 'one')
  assert group.layers == ['one', 'two']
  assert ('head/tower/weights', 2) in networks.places(group)


def test_each_call_counts_for_the_work():
  channels = networks.find(_network)
  assert len(channels.uses['head/tower/weights']) == 2
  assert len(channels.uses['one/weights']) == 1


def test_output_is_not_prunable():
  group = networks.group(networks.find(_network), 'head/out')
  assert 'it is the output' in group.reason


@pytest.mark.parametrize('seed', range(3))
def test_surgery_is_exact(seed):
  networks.assert_exact(_network, seed)
