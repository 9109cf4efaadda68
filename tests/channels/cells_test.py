"""NASNet and PNASNet, whose cells add layers by the depths they meet."""

import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.nasnet import nasnet, pnasnet

from object_detection_pruning.channels import plan

slim = networks.slim
FILTERS = 8


def _nasnet(image):
  """A normal cell, a reduction cell and a normal cell."""
  config = nasnet.cifar_config()
  config.num_cells, config.num_reduction_layers = 2, 1
  config.num_conv_filters = FILTERS
  with slim.arg_scope(nasnet.nasnet_cifar_arg_scope()):
    logits, _ = nasnet.build_nasnet_cifar(
      image, 3, is_training=False, config=config
    )
  return tf.nn.softmax(logits)


def _pnasnet(image):
  """Two cells of the stem and one more."""
  config = pnasnet.mobile_imagenet_config()
  config.num_cells, config.num_reduction_layers = 1, 0
  config.num_conv_filters = 4 * FILTERS
  with slim.arg_scope(pnasnet.pnasnet_mobile_arg_scope()):
    logits, _ = pnasnet.build_pnasnet_mobile(
      image, 3, is_training=False, config=config
    )
  return tf.nn.softmax(logits)


@pytest.mark.parametrize('network', [_nasnet, _pnasnet])
def test_surgery_is_exact(network):
  made = networks.assert_exact(network)
  assert len(made.channels.prunable) > 20


@pytest.mark.parametrize(
  'network, before, layer',
  [
    (_nasnet, 'l1_stem_3x3', 'reduction_cell_0/prev_1x1'),
    (_pnasnet, 'conv0', 'cell_stem_0/comb_iter_0/right/1x1'),
  ],
)
def test_layer_stays_where_depths_become_equal(network, before, layer):
  channels = networks.find(network)
  given = networks.group(channels, before)
  depth = channels.shapes[layer + '/weights'][-1]
  assert given.size > depth
  made = plan.Plan(channels, {}, {given.name: np.arange(given.size - depth)})
  networks.assert_exact(network, made=made)


def test_state_gets_no_layer_where_depths_become_different():
  channels = networks.find(_nasnet)
  # It is added up with a pooled state and joined to all others.
  state = networks.group(channels, 'cell_0/1x1')
  made = plan.Plan(channels, {}, {state.name: np.arange(3)})
  networks.assert_exact(_nasnet, made=made)
