"""The base of hooks that follow the global step."""

from typing import Any

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors


class StepHook(tf.train.SessionRunHook):
  """Knows the global step of a run, and what comes when.

      begin                 finds the global step
      after_create_session  started(session, step)
      before run t          before_step(session)
      run t                 gradients, weights, global step := t
      after run t           after_step(step, what fetches() has asked for)
      end                   ended(session, step)

  A subclass overrides the methods on the right. In a cluster every worker has
  the hook, and only the chief's calls them, unless `chief_only` is false.

  Attributes:
    seen_step: the global step as the last run has fetched it. Other workers
      may have moved it since.
  """

  chief_only = True

  def started(self, session: tf.Session, step: int) -> None:
    """Called when a session begins, and again when it is recovered."""

  def before_step(self, session: tf.Session) -> None:
    """Called before each run."""

  def fetches(self) -> Any:
    """Gives what each run fetches for this hook, beside the step."""
    return []

  def after_step(self, step: int, values: Any) -> None:
    """Called after each run."""

  def ended(self, session: tf.Session, step: int) -> None:
    """Called when training ends without an error."""

  def begin(self) -> None:
    # Under a cluster's TF_CONFIG every worker has the hook.
    self._is_active = not self.chief_only or tf.estimator.RunConfig().is_chief
    self._global_step = tf.train.get_global_step()
    if self._global_step is None:
      raise errors.InputError(
        'the graph has no global step: call tf.train.create_global_step()'
      )

  def after_create_session(self, session, coord) -> None:
    if self._is_active:
      self.seen_step = self.read_step(session)
      self.started(session, self.seen_step)

  def before_run(self, run_context):
    if not self._is_active:
      return None
    self.before_step(run_context.session)
    return tf.train.SessionRunArgs([self._global_step, self.fetches()])

  def after_run(self, run_context, run_values) -> None:
    if self._is_active:
      step, values = run_values.results
      self.seen_step = int(step)
      self.after_step(self.seen_step, values)

  def end(self, session) -> None:
    if self._is_active:
      self.ended(session, self.read_step(session))

  def read_step(self, session: tf.Session) -> int:
    """Reads the global step as it is now."""
    return int(session.run(self._global_step))
