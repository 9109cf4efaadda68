"""Channels that reach an op that is not known stay, and say why."""

import networks
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import selection
from object_detection_pruning.common import errors

slim = networks.slim


def _network(image):
  one = slim.conv2d(image, 5, [3, 3], scope='one')
  net = tf.cumsum(one, axis=3, name='running')
  net = slim.conv2d(net, 4, [3, 3], scope='two')
  return tf.nn.softmax(slim.conv2d(net, 2, [1, 1], scope='last'))


def test_reason_names_the_op():
  group = networks.group(networks.find(_network), 'one')
  assert group.reason == (
    'it reaches running, an op that is not known (Cumsum)'
  )
  assert group.reason in str(group)


def test_layers_beyond_are_prunable():
  prunable = networks.find(_network).prunable
  assert [group.name for group in prunable] == ['two']


def test_asking_for_them_is_an_error_that_names_the_op():
  with pytest.raises(errors.InputError, match=r'running.*\(Cumsum\)'):
    selection.candidates(networks.find(_network), include=['one'])
