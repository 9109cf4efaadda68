"""The base of hooks that change a model at the update points of a schedule."""

from typing import Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.core import schedules
from object_detection_pruning.hooks import step_hook


class UpdateHook(step_hook.StepHook):
  """Does what is due at each update point of a schedule.

      before run t   update(session, t), if t is an update point
      run t          gradients, weights, global step := t
      after run t    checkpoints and summaries of step t see the update

  Since this happens before the run, the order of the hooks does not matter.
  What is due follows from the schedule and the global step alone: no variable
  is made, so a run can be stopped at any step and go on from its checkpoint.
  In a cluster other workers move the step as well, so an update is due when an
  update point was crossed since the last one; only the chief updates.

  A subclass overrides `update`, and sets `done` in `started`.

  Attributes:
    schedule: what is due when.
    done: the last update point that was done, None before the first.
  """

  def __init__(self, schedule: schedules.Schedule):
    self.schedule = schedule
    self.done: Optional[int] = None

  def update(self, session: tf.Session, step: int) -> None:
    """Changes the model as it is due at an update point."""
    raise NotImplementedError

  def before_step(self, session: tf.Session) -> None:
    due = self.schedule.next_update(self._after_last_update())
    # The step that a run fetches may be stale by one, so a read of its own is
    # made, but only when an update may be near.
    if due is not None and self.seen_step + 2 >= due:
      self.update_if_due(session, self.read_step(session) + 1)

  def update_if_due(self, session: tf.Session, step: int) -> None:
    """Updates if the last update point up to a step is not done yet."""
    crossed = self.schedule.last_update(step)
    if crossed is not None and crossed > self._after_last_update():
      self.update_to(session, crossed)

  def update_to(self, session: tf.Session, step: int) -> None:
    """Does the update of an update point."""
    self.update(session, step)
    self.done = step

  def _after_last_update(self) -> int:
    return -1 if self.done is None else self.done
