"""Residual adds: all that is added to one trunk goes together."""

import networks
import pytest
import tensorflow.compat.v1 as tf
from nets import resnet_v1

slim = networks.slim


def _network(image):
  trunk = slim.conv2d(image, 6, [3, 3], scope='stem')
  for unit in ('a', 'b'):
    inner = slim.conv2d(trunk, 4, [3, 3], scope=unit + '/inner')
    trunk += slim.conv2d(inner, 6, [1, 1], scope=unit + '/outer')
  return tf.nn.softmax(slim.conv2d(trunk, 4, [1, 1], scope='last'))


def _resnet(image):
  blocks = [resnet_v1.resnet_v1_block('block1', 4, num_units=3, stride=1)]
  with slim.arg_scope(resnet_v1.resnet_arg_scope()):
    net, _ = resnet_v1.resnet_v1(
      image,
      blocks,
      is_training=False,
      global_pool=True,
      include_root_block=True,
    )
  return tf.nn.softmax(slim.fully_connected(tf.squeeze(net, [1, 2]), 3))


def test_trunk_is_one_group():
  group = networks.group(networks.find(_network), 'stem')
  assert group.layers == ['stem', 'a/outer', 'b/outer']
  assert {part.variable for part in group.slices if part.axis == 2} == {
    'a/inner/weights',
    'b/inner/weights',
    'last/weights',
  }


def test_group_says_which_add_holds_it_together():
  text = str(networks.group(networks.find(_network), 'stem'))
  assert 'add_1 (Add' in text
  assert 'filters 0..5 on axis 3 of b/outer/weights' in text


@pytest.mark.parametrize('seed', range(3))
def test_surgery_is_exact(seed):
  networks.assert_exact(_network, seed)


def test_resnet_gets_no_new_shortcut_where_the_trunk_is_narrow():
  plan = networks.assert_exact(_resnet, seed=4)
  trunk = networks.group(
    plan.channels, 'resnet_v1/block1/unit_3/bottleneck_v1/conv3'
  )
  assert len(plan.removed[trunk.name])
  assert 'resnet_v1/block1/unit_1/bottleneck_v1/shortcut' in trunk.layers
