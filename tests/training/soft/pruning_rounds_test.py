import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.training.soft import (
  pruning_rounds,
  recovery_report,
)


def _report(came_back):
  return [
    recovery_report.GroupReport(
      'one', 1, list(range(10)), [came_back, came_back // 2], [0.01, 0.1]
    )
  ]


def _rounds(came_back, thresholds, max_rounds):
  """Runs rounds; `came_back` tells how many of 10 do in each."""
  return pruning_rounds.repeat(
    lambda number: _report(came_back[number]), thresholds, 0.15, max_rounds
  )


def test_each_round_is_judged_by_a_laxer_threshold():
  # Half as many come back at 0.1, in whichever order the two are given.
  rounds = _rounds([3, 9, 4, 2], [0.1, 0.01], 5)
  assert rounds.rates == [0.3, 0.4, 0.2, 0.1]
  assert rounds.reached
  assert rounds.threshold == 0.1


def test_strict_threshold_alone_judges_the_first_round():
  rounds = _rounds([1], [0.01, 0.1], 5)
  assert (rounds.rates, rounds.threshold) == ([0.1], 0.01)


def test_stops_after_the_last_round():
  rounds = _rounds([9, 9], [0.01], 2)
  assert rounds.rates == [0.9, 0.9]
  assert not rounds.reached


def test_unknown_threshold_is_an_error():
  with pytest.raises(errors.InputError, match='threshold must be one of'):
    recovery_report.failure_rate(_report(1), 0.5)
