"""What is kept is a multiple of the number asked for."""

import hypothesis
import numpy as np
from hypothesis import strategies as st

from object_detection_pruning.channels import selection


@hypothesis.given(
  size=st.integers(1, 200),
  ratio=st.floats(0.01, 0.99),
  round_to=st.integers(1, 32),
)
def test_kept_is_a_multiple_or_everything(size, ratio, round_to):
  bounds = selection.Bounds(round_to, 1)
  kept = bounds.kept(size, size * (1 - ratio))
  assert 1 <= kept <= size
  assert kept % round_to == 0 or kept == size or kept == 1
  if kept not in (size, round_to):
    assert abs(kept - size * (1 - ratio)) <= round_to / 2 or kept == 1


@hypothesis.given(
  size=st.integers(1, 200),
  wanted=st.floats(0, 200),
  round_to=st.integers(1, 32),
  least=st.integers(1, 40),
)
def test_rounding_and_the_least_number_hold_together(
  size, wanted, round_to, least
):
  kept = selection.Bounds(round_to, least).kept(size, wanted)
  assert kept == size or kept % round_to == 0
  assert kept >= min(size, least)


def test_least_number_is_rounded_up():
  assert selection.Bounds(4, 5).kept(16, 1.6) == 8
  assert selection.Bounds(4, 5).kept(7, 1.6) == 7


def test_group_that_loses_nothing_stays_whole():
  # Sixteen is the nearest multiple, but no channel was to go.
  bounds = selection.Bounds(8)
  assert [bounds.kept(18, wanted) for wanted in (18, 17.6, 17.4)] == [
    18,
    18,
    16,
  ]
  scores = {'one': np.ones(18), 'two': np.zeros(100)}
  assert not len(selection.ranked(scores, 0.2, bounds)['one'])


def test_weakest_go():
  scores = {'one': np.array([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 8.0, 7.0])}
  removed = selection.uniform(scores, 0.4, selection.Bounds(4))
  assert removed['one'].tolist() == [0, 1, 2, 4]


def test_small_group_stays_whole():
  removed = selection.uniform({'one': np.arange(5.0)}, 0.9, selection.Bounds(8))
  assert removed['one'].tolist() == []
