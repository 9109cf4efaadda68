import pytest
import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning.common import errors
from object_detection_pruning.core import schedules
from object_detection_pruning.hooks import step_hook, update_hook


class Noting(update_hook.UpdateHook):
  """Notes what is called at which step."""

  def __init__(self, schedule, done=None):
    super().__init__(schedule)
    self.updates = []
    self._first = done

  def started(self, session, step):
    self.done = self._first

  def update(self, session, step):
    self.updates.append((step, self.read_step(session)))


def run(hook, steps, jump=0):
  with tf.Graph().as_default():
    _, train_op = tiny_model.build()
    move = tf.train.get_global_step().assign_add(jump)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
      for _ in range(steps):
        session.run(train_op)
        if jump:
          session.run(move)


SCHEDULE = schedules.ConstantSchedule(0.5, 3, 9, 4)


def test_update_of_a_step_comes_before_its_run():
  hook = Noting(SCHEDULE)
  run(hook, 12)
  assert hook.updates == [(3, 2), (7, 6), (9, 8)]
  assert hook.done == 9


def test_update_that_was_done_before_is_not_done_again():
  hook = Noting(SCHEDULE, done=7)
  run(hook, 12)
  assert hook.updates == [(9, 8)]


def test_update_points_that_were_jumped_over_count_once():
  hook = Noting(SCHEDULE)
  run(hook, 4, jump=7)
  assert [step for step, _ in hook.updates] == [7, 9]


def test_workers_of_a_cluster_leave_it_to_the_chief(monkeypatch):
  monkeypatch.setenv(
    'TF_CONFIG',
    '{"cluster": {"chief": ["localhost:1"], "worker": ["localhost:2"],'
    ' "ps": ["localhost:3"]}, "task": {"type": "worker", "index": 0}}',
  )
  hook = Noting(SCHEDULE)
  run(hook, 12)
  assert hook.updates == []


def test_step_hook_calls_each_method_in_its_place():
  calls = []

  class All(step_hook.StepHook):
    def begin(self):
      super().begin()
      self._five = tf.constant(5)

    def started(self, session, step):
      calls.append(('started', step))

    def before_step(self, session):
      calls.append(('before_step', self.seen_step))

    def fetches(self):
      return self._five

    def after_step(self, step, values):
      calls.append(('after_step', step, int(values)))

    def ended(self, session, step):
      calls.append(('ended', step))

  run(All(), 2)
  assert calls[0] == ('started', 0)
  assert [call[0] for call in calls[1:]] == [
    'before_step',
    'after_step',
    'before_step',
    'after_step',
    'ended',
  ]
  assert {call[2] for call in calls if call[0] == 'after_step'} == {5}
  assert calls[-1] == ('ended', 2)


def test_graph_without_a_global_step_is_an_error():
  with pytest.raises(errors.InputError, match='no global step'):
    step_hook.StepHook().begin()
