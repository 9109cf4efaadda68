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
  update point was crossed since the last one; only the chief updates. What was
  crossed in a run is made up for right after it, and once more at the end; a
  checkpoint that was saved in between is then saved again.

  A subclass overrides `update`, and sets `done` in `started`.

  Attributes:
    schedule: what is due when.
    done: the last update point that was done, None before the first.
  """

  def __init__(self, schedule: schedules.Schedule):
    self.schedule = schedule
    self.done: Optional[int] = None
    self._stride = 1
    self._was_late = False

  def update(self, session: tf.Session, step: int) -> None:
    """Changes the model as it is due at an update point."""
    raise NotImplementedError

  def before_step(self, session: tf.Session) -> None:
    if self._may_be_near():
      done = self.done
      self.update_if_due(session, self.read_step(session) + 1)
      self._was_late = self._was_late and self.done == done

  def after_run(self, run_context, run_values) -> None:
    if not self._is_active:
      return
    before = self.seen_step
    super().after_run(run_context, run_values)
    self._stride = max(self._stride, self.seen_step - before)
    if self._may_be_near():
      session = run_context.session
      self._update_late(session, self.read_step(session))

  def update_at_the_end(self, session: tf.Session, step: int) -> None:
    """Updates if that is due, and brings the last checkpoint up to it.

    A saver does not save a step twice. So a checkpoint of this step may have
    been saved before the update, whichever hook comes first.
    """
    self._update_late(session, step)
    savers = tf.get_collection(tf.GraphKeys.SAVERS)
    if not (self._was_late and savers and savers[0].last_checkpoints):
      return
    prefix = savers[0].last_checkpoints[-1].rpartition('-')[0]
    savers[0].save(session, prefix, global_step=step)

  def _update_late(self, session: tf.Session, step: int) -> None:
    done = self.done
    self.update_if_due(session, step)
    if self.done != done:
      self._was_late = True

  def _may_be_near(self) -> bool:
    # The step that a run fetches may be stale by as much as others do in the
    # meantime, so a read of its own is made, but only where it may matter.
    due = self.schedule.next_update(self._after_last_update())
    return due is not None and self.seen_step + 2 * self._stride >= due

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
