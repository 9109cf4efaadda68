"""Squeeze and excitation: the gate goes with the channels it scales."""

import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import surgery
from object_detection_pruning.core import widths

_network = networks.squeeze_excitation


def test_gate_goes_with_what_it_scales():
  group = networks.group(networks.find(_network), 'first')
  assert group.layers == ['first', 'one/excite']
  found = networks.places(group)
  assert ('one/squeeze/weights', 2) in found
  assert ('second/weights', 2) in found


def test_squeezed_channels_are_a_group_of_their_own():
  group = networks.group(networks.find(_network), 'one/squeeze')
  assert group.size == 3
  assert group.layers == ['one/squeeze']


def test_flattened_channels_have_a_place_for_each_pixel():
  (part,) = [
    part
    for part in networks.group(networks.find(_network), 'second').slices
    if part.variable == 'last/weights'
  ]
  assert part.indices.shape == (6, 16)
  assert part.indices[1].tolist() == list(range(1, 96, 6))


@pytest.mark.parametrize('seed', range(3))
def test_surgery_is_exact(seed):
  networks.assert_exact(_network, seed)


def test_narrow_network_trains_a_step():
  built = networks.build(_network)
  channels = networks.find(_network)
  made = networks.random_plan(channels)
  start = surgery.narrow(networks.random_tensors(built), made)
  with widths.width_scope(made.layer_widths()):
    output = _network(tf.ones([2, networks.SIZE, networks.SIZE, 3]))
  loss = -tf.reduce_mean(tf.log(output[:, 0]))
  train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for variable in tf.model_variables():
      variable.load(start[variable.op.name], session)
    before = session.run(loss)
    session.run(train)
    after = session.run([loss, *tf.model_variables()])
  assert np.isfinite(before)
  assert after[0] < before
  shapes = made.shapes()
  for variable, value in zip(tf.model_variables(), after[1:]):
    assert value.shape == shapes[variable.op.name]
  assert shapes['one/excite/weights'] != channels.shapes['one/excite/weights']
