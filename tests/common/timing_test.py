"""Times are of runs by turns, after a warm-up, in a process of its own."""

import functools
import time

import numpy as np
import pytest
import timed

from object_detection_pruning.common import errors, timing


@pytest.fixture(scope='module')
def timer():
  with timing.Timer() as timer:
    yield timer


@pytest.fixture
def take_runs(timer):
  """What ran in the process that measures since the last call."""

  def take():
    return timer._process.call(timed.take_runs)

  take()
  return take


def maker(name, *arguments):
  return functools.partial(timed.logged, name, *arguments)


def test_runs_by_turns_after_a_warm_up(timer, take_runs):
  timings = timer.measure([maker('a'), maker('b')], rounds=4)
  assert [len(each.seconds) for each in timings] == [4, 4]
  made, ran = take_runs()[:2], ['a', 'a', 'b', 'b'] + ['a', 'b'] * 4
  assert made == ['make a', 'make b']
  timer.measure([maker('a'), maker('b')], rounds=4)
  assert take_runs() == made + ran


def test_what_was_measured_before_is_not_made_anew(timer, take_runs):
  dense = maker('dense')
  for name in ('first', 'second'):
    timer.measure([maker(name), dense], rounds=1)
  made = [run for run in take_runs() if run.startswith('make')]
  assert made == ['make first', 'make dense', 'make second']


def test_time_that_is_up_ends_the_runs_after_three(timer):
  (found,) = timer.measure([maker('a')], seconds=0)
  assert len(found.seconds) == 3
  (found,) = timer.measure([maker('a')], rounds=1, seconds=100)
  assert len(found.seconds) == 1


def test_results_are_given_if_asked_for(timer):
  makers = [maker('a', 7), maker('b', 8)]
  found = timer.measure(makers, rounds=1, with_results=True)
  assert [each.result for each in found] == [7, 8]
  assert timer.measure(makers, rounds=1)[0].result is None


def test_failure_to_make_leaves_the_timer_usable(timer):
  good = maker('a')
  timer.measure([good], rounds=1)
  with pytest.raises(errors.InputError, match='no such thing'):
    timer.measure([good, timed.refused], rounds=1)
  assert len(timer.measure([good], rounds=1)) == 1


def test_latency_is_the_median_and_what_nine_of_ten_take():
  found = timing.Timing(np.arange(1, 12) / 1e3).latency
  assert found == (pytest.approx(6), pytest.approx(10))


def test_seconds_are_those_of_the_run(monkeypatch):
  now = [0.0]
  monkeypatch.setattr(time, 'perf_counter', lambda: now[0])

  def take(seconds):
    now[0] += seconds

  took, _ = timing.by_turns([lambda: take(2), lambda: take(3)], rounds=2)
  assert took.tolist() == [[2, 3], [2, 3]]


def test_some_end_must_be_given(timer):
  with pytest.raises(ValueError, match='rounds and seconds'):
    timer.measure([maker('a')])
