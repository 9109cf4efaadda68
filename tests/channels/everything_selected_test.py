"""No plan may empty a group."""

import hypothesis
import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import strategies as st

from object_detection_pruning.channels import plan, selection
from object_detection_pruning.common import errors

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


_GROUPS = st.lists(
  st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=6
)


@hypothesis.given(groups=_GROUPS, ratio=st.floats(0.01, 0.99))
def test_ranking_takes_the_share_whatever_ties(groups, ratio):
  scores = {
    str(number): np.array(values, np.float64)
    for number, values in enumerate(groups)
  }
  removed = selection.ranked(scores, ratio, selection.Bounds())
  everything = sum(map(len, groups))
  count = int(round(ratio * everything))
  emptied = sum(
    len(removed[name]) == len(values) - 1 for name, values in scores.items()
  )
  taken = sum(map(len, removed.values()))
  # A group that would be empty keeps one, and no other group pays for it.
  assert count - emptied <= taken <= count
  gone = [scores[name][index] for name in scores for index in removed[name]]
  if gone:
    assert (
      max(gone) <= np.sort(np.concatenate(list(scores.values())))[count - 1]
    )


def test_groups_share_what_ties():
  scores = {'one': np.ones(32), 'two': np.ones(64)}
  removed = selection.ranked(scores, 0.25, selection.Bounds())
  assert {name: len(gone) for name, gone in removed.items()} == {
    'one': 8,
    'two': 16,
  }


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
