"""Inverted residuals: MobileNet V2, whose code looks at the widths it meets."""

import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.channels import plan

BLOCK = 'MobilenetV2/expanded_conv_%d/%s'


@pytest.fixture(scope='module')
def channels():
  return networks.find(networks.inverted_residuals)


def test_projections_that_are_added_up_are_one_group(channels):
  group = networks.group(channels, BLOCK % (4, 'project'))
  assert group.layers == [BLOCK % (number, 'project') for number in (3, 4, 5)]


def test_expansion_is_a_group_with_its_depthwise_kernel(channels):
  group = networks.group(channels, BLOCK % (4, 'expand'))
  assert group.layers == [BLOCK % (4, 'expand')]
  assert (BLOCK % (4, 'depthwise/depthwise_weights'), 2) in networks.places(
    group
  )


@pytest.mark.parametrize('seed', range(2))
def test_surgery_is_exact(seed):
  networks.assert_exact(networks.inverted_residuals, seed)


def test_block_stays_without_shortcut_where_widths_become_equal(channels):
  before = networks.group(channels, BLOCK % (9, 'project'))
  wider = networks.group(channels, BLOCK % (10, 'project'))
  assert (before.size, wider.size) == (16, 24)
  made = plan.Plan(channels, {}, {wider.name: np.arange(8)})
  networks.assert_exact(networks.inverted_residuals, made=made)


def test_expansion_keeps_its_width_where_its_input_is_narrow(channels):
  narrow = networks.group(channels, BLOCK % (4, 'project'))
  made = plan.Plan(channels, {}, {narrow.name: np.arange(3)})
  widths = {width.layer: width for width in made.layer_widths()}
  assert widths[BLOCK % (4, 'project')][1:] == (5, 8)
  # The code would make it six times as wide as its input.
  assert widths[BLOCK % (4, 'expand')][1:] == (48, 48)
  networks.assert_exact(networks.inverted_residuals, made=made)


def test_block_that_expands_nothing_stays_so_where_its_input_is_narrow():
  channels = networks.find(networks.unexpanded_block)
  first = networks.group(channels, 'first')
  # 10 channels are rounded to 16, which are more.
  made = plan.Plan(channels, {}, {first.name: np.arange(6)})
  networks.assert_exact(networks.unexpanded_block, made=made)


@pytest.mark.parametrize('seed', range(2))
def test_surgery_of_blocks_with_and_without_expansion_is_exact(seed):
  networks.assert_exact(networks.unexpanded_block, seed)


def v3(image):
  """MobileNet V3 up to a block that is wider than the one before it."""
  mobilenet_v3 = pytest.importorskip('nets.mobilenet.mobilenet_v3')
  with slim.arg_scope(mobilenet_v3.training_scope(is_training=False)):
    net, _ = mobilenet_v3.mobilenet_base(
      image,
      conv_defs=mobilenet_v3.V3_SMALL,
      final_endpoint='layer_9',
    )
  return tf.nn.softmax(slim.conv2d(net, 3, [1, 1], scope='last'))


def test_v3_block_stays_without_shortcut_where_widths_become_equal():
  channels = networks.find(v3)
  name = 'MobilenetV3/expanded_conv_%d/project'
  before = networks.group(channels, name % 5)
  wider = networks.group(channels, name % 6)
  count = wider.size - before.size
  assert before.name != wider.name and count > 0
  made = plan.Plan(channels, {}, {wider.name: np.arange(count)})
  networks.assert_exact(v3, made=made)
