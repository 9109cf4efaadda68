import math

import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st

from object_detection_pruning.common import errors
from object_detection_pruning.core import schedules

ROUNDING = 1e-12


@st.composite
def polynomials(draw):
  initial, target = sorted(
    draw(st.tuples(*[st.floats(0, 1, exclude_max=True)] * 2))
  )
  start = draw(st.integers(0, 10**6))
  return schedules.PolynomialSchedule(
    target,
    start,
    start + draw(st.integers(0, 10**4)),
    initial,
    draw(st.integers(1, 10**4)),
    draw(st.floats(0.1, 10)),
  )


@st.composite
def any_schedules(draw):
  polynomial = draw(polynomials())
  constant = schedules.ConstantSchedule(
    polynomial.target_sparsity,
    polynomial.start_step,
    polynomial.end_step,
    polynomial.frequency,
  )
  return draw(st.sampled_from([polynomial, constant]))


def steps_around(schedule):
  return st.integers(max(0, schedule.start_step - 50), schedule.end_step + 50)


def update_points(schedule):
  """Says once more what the update points are, in the plainest way."""
  points = set(
    range(schedule.start_step, schedule.end_step, schedule.frequency)
  )
  return sorted(points | {schedule.start_step, schedule.end_step})


@pytest.mark.parametrize(
  'step, expected',
  [
    (99, 0.0),
    (100, 0.1),
    (200, 0.9 - 0.8 * 0.75**3),
    (300, 0.8),
    (500, 0.9),
    (10**9, 0.9),
  ],
)
def test_polynomial_follows_zhu_and_gupta(step, expected):
  schedule = schedules.PolynomialSchedule(0.9, 100, 500, 0.1)
  assert schedule.sparsity(step) == pytest.approx(expected, abs=ROUNDING)


def test_exponent_bends_the_curve():
  linear = schedules.PolynomialSchedule(0.8, 0, 10, exponent=1)
  assert linear.sparsity(5) == pytest.approx(0.4)
  square = schedules.PolynomialSchedule(0.8, 0, 10, exponent=2)
  assert square.sparsity(5) == pytest.approx(0.6)


def test_constant_is_the_target_from_the_start_on():
  schedule = schedules.ConstantSchedule(0.7, 3, 9)
  assert [schedule.sparsity(step) for step in (2, 3, 9, 50)] == [
    0,
    0.7,
    0.7,
    0.7,
  ]


def test_window_of_one_step_reaches_the_target_there():
  schedule = schedules.PolynomialSchedule(0.5, 4, 4, 0.2)
  assert [schedule.sparsity(step) for step in (3, 4, 5)] == [0, 0.5, 0.5]
  assert schedule.next_update(3) == 4
  assert schedule.next_update(4) is None


@given(data=st.data())
def test_sparsity_stays_in_bounds_and_never_falls(data):
  schedule = data.draw(any_schedules())
  first, second = sorted(data.draw(st.tuples(*[steps_around(schedule)] * 2)))
  assert schedule.sparsity(first) <= schedule.sparsity(second) + ROUNDING
  for step in (first, second):
    low = schedule.initial_sparsity if step >= schedule.start_step else 0
    assert low - ROUNDING <= schedule.sparsity(step)
    assert schedule.sparsity(step) <= schedule.target_sparsity + ROUNDING
    assert 0 <= schedule.sparsity(step) < 1


@given(schedule=any_schedules())
def test_target_is_met_exactly_at_the_end(schedule):
  assert schedule.sparsity(schedule.end_step) == schedule.target_sparsity


@given(data=st.data())
def test_updates_are_at_start_then_every_frequency_and_at_the_end(data):
  schedule = data.draw(any_schedules())
  step = data.draw(steps_around(schedule))
  points = update_points(schedule)
  past = [point for point in points if point <= step]
  coming = [point for point in points if point > step]
  assert schedule.last_update(step) == (past[-1] if past else None)
  assert schedule.next_update(step) == (coming[0] if coming else None)


def test_last_update_is_at_the_end_although_it_is_off_the_grid():
  schedule = schedules.PolynomialSchedule(0.85, 3, 28)
  points, step = [], -1
  while True:
    step = schedule.next_update(step)
    if step is None:
      break
    points.append(step)
  assert points == [3, 13, 23, 28]


@pytest.mark.parametrize(
  'schedule',
  [
    schedules.PolynomialSchedule(0.85, 3, 28, 0.1),
    schedules.PolynomialSchedule(0.85, 0, 10**6, exponent=2.5),
    schedules.PolynomialSchedule(0.4, 7, 7),
    schedules.ConstantSchedule(0.6, 5, 9),
  ],
)
def test_tensor_equals_the_function(schedule):
  step = tf.placeholder(tf.int64, [])
  sparsity = schedule.sparsity_tensor(step)
  assert (sparsity.dtype, sparsity.shape.as_list()) == (tf.float32, [])
  with tf.Session() as session:
    for at in (0, 2, 3, 4, 5, 7, 9, 17, 27, 28, 29, 10**5, 10**6, 10**7):
      assert session.run(sparsity, {step: at}) == pytest.approx(
        schedule.sparsity(at), abs=2e-7
      )


def test_layer_target_keeps_the_window_and_the_curve():
  schedule = schedules.PolynomialSchedule(0.9, 2, 12, 0.3, 4, 2)
  other = schedule.with_target(0.6)
  assert vars(other) == dict(vars(schedule), target_sparsity=0.6)
  low = schedule.with_target(0.1)
  assert (low.initial_sparsity, low.sparsity(2), low.sparsity(12)) == (
    pytest.approx(0.1),
    pytest.approx(0.1),
    0.1,
  )
  constant = schedules.ConstantSchedule(0.9, 2, 12, 4).with_target(0.5)
  assert constant.sparsity(2) == 0.5
  assert constant.frequency == 4


@pytest.mark.parametrize(
  'arguments, message',
  [
    ((1.5, 0, 10), 'target_sparsity must be in [0, 1), got 1.5'),
    ((1.0, 0, 10), 'target_sparsity must be in [0, 1), got 1.0'),
    ((-0.1, 0, 10), 'target_sparsity must be in [0, 1), got -0.1'),
    ((math.nan, 0, 10), 'target_sparsity must be in [0, 1), got nan'),
    ((0.5, None, 10), 'start_step must be a whole number'),
    ((0.5, 0, None), 'end_step must be a whole number'),
    ((0.5, -1, 10), 'start_step must be a whole number of steps, 0 or more'),
    ((0.5, 0.5, 10), 'start_step must be a whole number of steps'),
    ((0.5, 11, 10), 'start_step must not be after end_step (10), got 11'),
    ((0.5, 0, 10, 0.6), 'initial_sparsity must not be above target_sparsity'),
    ((0.5, 0, 10, -0.1), 'initial_sparsity must be in [0, 1), got -0.1'),
    ((0.5, 0, 10, 0, 0), 'frequency must be a whole number, 1 or more, got 0'),
    ((0.5, 0, 10, 0, 1, 0), 'exponent must be above 0, got 0'),
    ((0.5, 0, 10, 0, 1, math.inf), 'exponent must be above 0, got inf'),
  ],
)
def test_refuses_what_makes_no_schedule(arguments, message):
  with pytest.raises(errors.InputError) as error:
    schedules.PolynomialSchedule(*arguments)
  assert message in str(error.value)
  assert '\n' not in str(error.value)
