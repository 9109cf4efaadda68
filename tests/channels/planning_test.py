"""Plans for networks that have no pipeline config."""

import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import planning
from object_detection_pruning.common import errors
from object_detection_pruning.core import widths

slim = networks.slim


def network(image):
  net = slim.conv2d(image, 8, [3, 3], scope='first')
  net = slim.conv2d(net, 6, [3, 3], scope='second')
  return slim.conv2d(net, 3, [1, 1], activation_fn=None, scope='last')


def planned(tensors=None, **arguments):
  built = networks.build(network)
  tensors = tensors or networks.random_tensors(built)
  arguments.setdefault('ratio', 0.5)
  return tensors, planning.plan_channels(built.outputs, tensors, **arguments)


def test_narrow_network_equals_the_one_without_the_weakest_channels():
  tensors, made = planned()
  assert {name: len(gone) for name, gone in made.removed.items()} == {
    'first': 4,
    'second': 3,
  }
  networks.assert_exact(network, made=made)
  with tf.Graph().as_default(), widths.width_scope(made.layer_widths()):
    network(tf.zeros([1, 8, 8, 3]))
    shapes = {v.op.name: v.shape.as_list() for v in tf.model_variables()}
  narrow = planning.narrow(tensors, made)
  assert {name: list(narrow[name].shape) for name in shapes} == shapes
  assert shapes['second/weights'] == [3, 3, 4, 3]


def test_parts_of_one_layer_are_groups_with_names_of_their_own():
  def halves(image):
    whole = slim.conv2d(image, 8, 3, scope='whole')
    parts = [slim.conv2d(image, 4, 3, scope=name) for name in ('left', 'right')]
    return slim.conv2d(whole + tf.concat(parts, 3), 3, 1, scope='head')

  built = networks.build(halves)
  tensors = networks.random_tensors(built)
  # Of the first half the first ones are weak, of the second the last ones.
  weak = {'whole': [0, 1, 6, 7], 'left': [0, 1], 'right': [2, 3]}
  for name, channels in weak.items():
    tensors[f'{name}/weights'][..., channels] *= 1e-3
  made = planning.plan_channels(built.outputs, tensors, ratio=0.5)
  assert set(made.removed) == {'whole [0..3]', 'whole [4..7]'}
  gone = made.gone()
  for name, channels in weak.items():
    assert sorted(gone[f'{name}/weights'][3]) == channels


def between(own_layer):
  """A network of slim layers with another one in the middle."""

  def build(image):
    net = slim.conv2d(image, 8, 3, scope='first')
    with tf.variable_scope('own'):
      net = own_layer(net)
    net = slim.conv2d(tf.nn.relu(net), 6, 3, scope='second')
    return slim.conv2d(net, 3, 1, scope='last')

  return build


def test_layers_whose_kernels_have_other_names_keep_their_channels():
  def own_layer(net):
    return tf.nn.conv2d(
      net, tf.get_variable('w', [1, 1, net.shape[-1], 6]), 1, 'SAME'
    )

  built = networks.build(between(own_layer))
  tensors = networks.random_tensors(built)
  made = planning.plan_channels(built.outputs, tensors, ratio=0.5)
  assert set(made.removed) == {'first', 'second'}
  reasons = {group.name: group.reason for group in made.channels.groups}
  assert 'width_scope does not know own/w for a kernel' in reasons['own']
  networks.assert_exact(between(own_layer), made=made)


@pytest.mark.parametrize('names', [['scale'], ['scale', 'offset'], ['a', 'b']])
@pytest.mark.parametrize('rank', [1, 3])
def test_what_is_made_for_the_channels_that_come_follows(names, rank):
  def own_layer(net):
    for name in names:
      shape = [1] * (rank - 1) + [net.shape[-1]]
      net = net * tf.get_variable(name, shape)
    return net

  built = networks.build(between(own_layer))
  tensors = networks.random_tensors(built)
  made = planning.plan_channels(built.outputs, tensors, ratio=0.5)
  assert set(made.removed) == {'first', 'second'}
  networks.assert_exact(between(own_layer), made=made)


def test_channels_that_a_mask_has_emptied_go_first():
  tensors, _ = planned()
  mask = np.ones_like(tensors['first/weights'])
  mask[..., [1, 2, 5, 6]] = 0
  tensors['first/mask'] = mask
  tensors['first/biases'] = np.zeros_like(tensors['first/biases'])
  _, made = planned(tensors, include=['first'], importance='filter_l1')
  assert made.removed['first'].tolist() == [1, 2, 5, 6]
  assert 'second' not in made.removed


def test_plan_counts_parameters_alone():
  assert 'parameters: ' in str(planned()[1])
  assert 'MACs' not in str(planned()[1])


@pytest.mark.parametrize(
  'arguments, words',
  [
    ({'ratio': 1.5}, 'ratio must be in'),
    ({'importance': 'taylor'}, 'importance.*taylor'),
    ({'importance': 'none'}, 'importance'),
    ({'include': ['last']}, 'no channels that can go'),
    ({'exclude': 'stem'}, "list of regular expressions, got the text 'stem'"),
    ({'ratio': 0.01}, 'removes nothing'),
  ],
)
def test_bad_arguments_are_refused(arguments, words):
  with pytest.raises(errors.InputError, match=words):
    planned(**arguments)


def test_network_without_outputs_is_refused():
  with pytest.raises(errors.InputError, match='one tensor or more, got none'):
    planning.plan_channels([], {}, 0.5)
