"""Criteria that gather scores, in trainings that end and go on."""

import numpy as np
import pytest
import recorded_runs
import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning import ModelPruningHook
from object_detection_pruning.common import errors
from object_detection_pruning.core import schedules

CRITERIA = ('taylor', 'movement')
SCORES = 'net/pruning_score_{}'


class Scores(tf.train.SessionRunHook):
  """Keeps the scores after each run."""

  def __init__(self, criterion):
    self._name = SCORES.format(criterion)
    self.after = []

  def after_run(self, run_context, run_values):
    (variable,) = tf.global_variables(self._name)
    self.after.append(run_context.session.run(variable))


@pytest.mark.parametrize('criterion', CRITERIA)
def test_masks_are_cut_from_what_the_steps_before_gathered(criterion):
  hook = ModelPruningHook(criterion=criterion, **tiny_model.WINDOW)
  scores = Scores(criterion)
  states = recorded_runs.run(16, [hook, scores], criterion=criterion)
  schedule = schedules.PolynomialSchedule(0.77, 3, 13, 0.0, 4)
  expected = np.ones(tiny_model.SHAPE, np.float32)
  for step in range(1, 17):
    if step in tiny_model.UPDATES:
      zeros = int(round(schedule.sparsity(step) * 30))
      order = np.argsort(scores.after[step - 2].ravel(), kind='stable')
      expected = np.ones(30, np.float32)
      expected[order[:zeros]] = 0
      expected = expected.reshape(tiny_model.SHAPE)
    np.testing.assert_array_equal(states[step][1], expected)
  assert hook.sparsity == 23 / 30


@pytest.mark.parametrize('criterion', CRITERIA)
def test_run_that_was_stopped_gathers_on(tmp_path, criterion):
  scope = {'criterion': criterion}
  for last_step in (5, 9, 16):
    tiny_model.train(tmp_path / 'parts', last_step, scope=scope, **scope)
  tiny_model.train(tmp_path / 'whole', 16, scope=scope, **scope)
  parts, whole = map(
    tiny_model.latest, (tmp_path / 'parts', tmp_path / 'whole')
  )
  assert SCORES.format(criterion) in whole
  assert sorted(parts) == sorted(whole)
  for name, value in whole.items():
    np.testing.assert_array_equal(parts[name], value, err_msg=name)


def test_update_before_the_first_step_is_an_error():
  with pytest.raises(errors.InputError) as error:
    ModelPruningHook(0.5, 1, 4, criterion='movement')
  assert str(error.value) == (
    'start_step must be 2 or more with criterion movement, whose scores are '
    'gathered in the steps before it, got 1'
  )


def test_session_that_has_trained_nothing_is_an_error():
  hook = ModelPruningHook(0.5, 2, 4, criterion='movement')
  with tf.Graph().as_default():
    tiny_model.build(criterion='movement')
    move = tf.train.get_global_step().assign_add(1)
    with pytest.raises(
      errors.InputError, match='no scores yet'
    ), tf.train.MonitoredSession(hooks=[hook]) as session:
      for _ in range(4):
        session.run(move)
