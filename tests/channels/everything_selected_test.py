"""No plan may empty a group."""

import networks
import numpy as np
import pytest
import tensorflow as tf

from object_detection_pruning.channels import plan, selection
from object_detection_pruning.core import errors

slim = networks.slim


def _network(image):
  net = slim.conv2d(image, 4, [3, 3], scope='one')
  net = slim.conv2d(net, 16, [3, 3], scope='two')
  return tf.nn.softmax(slim.conv2d(net, 3, [1, 1], scope='last'))


def _scores(channels):
  return {
    group.name: np.arange(1.0, group.size + 1) for group in channels.prunable
  }


def test_emptied_group_is_an_error():
  channels = networks.find(_network)
  removed = selection.uniform(_scores(channels), 0.95, selection.Bounds())
  with pytest.raises(errors.InputError, match='would empty one'):
    plan.Plan(channels, {}, removed).check()


def test_fewest_channels_stay():
  channels = networks.find(_network)
  removed = selection.uniform(
    _scores(channels), 0.95, selection.Bounds(min_channels=2)
  )
  plan.Plan(channels, {}, removed).check()
  assert {name: len(gone) for name, gone in removed.items()} == {
    'one': 2,
    'two': 14,
  }


def test_ranking_leaves_each_group_its_best_channel():
  channels = networks.find(_network)
  scores = _scores(channels)
  scores['two'] += 4
  removed = selection.ranked(scores, 0.5, selection.Bounds())
  assert removed['one'].tolist() == [0, 1, 2]
  assert removed['two'].tolist() == list(range(6))


def test_fixed_channels_cannot_be_planned_away():
  channels = networks.find(_network)
  with pytest.raises(errors.InputError, match='no channel of last can go'):
    plan.Plan(channels, {}, {'last': np.array([0])}).check()


def test_target_out_of_reach_is_an_error():
  with pytest.raises(errors.InputError, match='cannot be reached: 0.4000'):
    selection.to_target(lambda ratio: {}, lambda removed: 0.4, 0.3)


def test_target_is_met_by_the_least_ratio():
  found = selection.to_target(
    lambda ratio: {'one': np.arange(int(100 * ratio))},
    lambda removed: 1 - len(removed['one']) / 100,
    0.7,
  )
  assert len(found['one']) == 30
