import pytest

from object_detection_pruning.channels import soft_pruning, soft_report
from object_detection_pruning.core import errors


def _report(came_back):
  return [
    soft_report.GroupReport(
      'one', 1, list(range(10)), [came_back, came_back // 2], [0.01, 0.1]
    )
  ]


def test_stops_once_the_failure_rate_is_within_the_bound():
  rounds = soft_pruning.repeat(
    lambda number: _report(9 - 3 * number), [0.01, 0.1], 0.15, 5
  )
  assert rounds.rates == [0.4, 0.3, 0.1]
  assert rounds.reached


def test_stops_after_the_last_round():
  rounds = soft_pruning.repeat(lambda number: _report(9), [0.01], 0.15, 2)
  assert rounds.rates == [0.9, 0.9]
  assert not rounds.reached


def test_unknown_threshold_is_an_error():
  with pytest.raises(errors.InputError, match='threshold must be one of'):
    soft_report.failure_rate(_report(1), 0.5)
