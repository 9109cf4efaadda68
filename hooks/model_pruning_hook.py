"""A session hook that updates masks when the schedule says so."""

from typing import List, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import allocation, masking, pruner, schedules


class ModelPruningHook(tf.train.SessionRunHook):
  """Prunes the masked kernels of a model while it trains.

  For any Estimator or `MonitoredSession` whose model was built under
  `masking_scope`:

      before run t   masks of step t, if t is an update point   <- this hook
      run t          gradients, weights, global step := t
      after run t    checkpoints and summaries of step t see those masks

  The masks of step t are cut from the weights as they are before run t. Since
  this happens before the run, the order of the hooks does not matter.

  What is due follows from the schedule and the global step alone: no variable
  is made, so a run can be stopped at any step and go on from its checkpoint.
  In a cluster other workers move the step as well, so an update is due when
  an update point was crossed; only the chief updates.
  """

  def __init__(
    self,
    target_sparsity: float,
    start_step: int,
    end_step: int,
    initial_sparsity: float = 0.0,
    frequency: int = 10,
    exponent: float = 3,
    layer_sparsities: Sequence[allocation.LayerSparsity] = (),
    last_step: Optional[int] = None,
    schedule: Optional[schedules.Schedule] = None,
  ):
    """Checks the schedule.

    Args:
      target_sparsity: fraction of zeros from `end_step` on, in [0, 1).
      start_step: global step of the first update.
      end_step: global step of the last update.
      initial_sparsity: fraction of zeros at `start_step`.
      frequency: steps between updates.
      exponent: of the polynomial schedule.
      layer_sparsities: targets of single layers.
      last_step: global step at which training ends, all its runs taken
        together. Give it where one run may end before `start_step` and a later
        one goes on from its checkpoint. Without it each run must reach
        `start_step`, unless the masks it began with have zeros already.
      schedule: a schedule in place of the polynomial one of these arguments.

    Raises:
      InputError: an argument is out of range, or `start_step` is not before
        `last_step`. Later, from the session: nothing is masked, the window is
        over and nothing was pruned in it, or a run without `last_step` ends by
        itself with nothing pruned.
    """
    self._schedule = schedule or schedules.PolynomialSchedule(
      target_sparsity,
      start_step,
      end_step,
      initial_sparsity,
      frequency,
      exponent,
    )
    if last_step is not None and self._schedule.start_step >= last_step:
      raise errors.InputError(
        f'start_step must be before the last training step ({last_step}), '
        f'got {self._schedule.start_step}'
      )
    allocation.check(layer_sparsities)
    self._last_step = last_step
    self._layer_sparsities = tuple(layer_sparsities)
    self._sparsity = None

  @classmethod
  def from_schedule(
    cls,
    schedule: schedules.Schedule,
    layer_sparsities: Sequence[allocation.LayerSparsity] = (),
    last_step: Optional[int] = None,
  ) -> 'ModelPruningHook':
    """Makes a hook from a schedule; see `__init__`."""
    return cls(
      schedule.target_sparsity,
      schedule.start_step,
      schedule.end_step,
      layer_sparsities=layer_sparsities,
      last_step=last_step,
      schedule=schedule,
    )

  @property
  def sparsity(self) -> Optional[float]:
    """Fraction of zeros over all masked kernels; None before the session."""
    return self._sparsity

  def begin(self) -> None:
    # Under a cluster's TF_CONFIG every worker has the hook.
    self._is_chief = tf.estimator.RunConfig().is_chief
    self._global_step = tf.train.get_global_step()
    if self._global_step is None:
      raise errors.InputError(
        'the graph has no global step: call tf.train.create_global_step()'
      )
    kernels = masking.masked_kernels()
    self._pruner = pruner.Pruner(kernels)
    self._schedules = allocation.allocate(
      self._schedule,
      [kernel.layer for kernel in kernels],
      self._layer_sparsities,
    )

  def after_create_session(self, session, coord) -> None:
    if not self._is_chief:
      return
    step = int(session.run(self._global_step))
    zeros = self._pruner.measure(session)
    self._sparsity = self._pruner.overall_sparsity(zeros)
    self._seen_step = step
    self._done = self._schedule.last_update(step)
    if self._done is None or zeros == self._zeros_at(self._done):
      return
    if step > self._schedule.end_step and not any(zeros):
      raise errors.InputError(
        f'end_step {self._schedule.end_step} is before the global step '
        f'{step} of this run, and nothing is pruned yet: '
        'the schedule can never fire'
      )
    tf.logging.warning(
      'Masks at global step %d do not have the sparsity that is due, '
      'updating them.',
      step,
    )
    self._update(session, self._done)

  def before_run(self, run_context):
    if not self._is_chief:
      return None
    due = self._schedule.next_update(self._after_last_update())
    # The step that a run fetches may be stale by one, so a read of its own is
    # made, but only when an update may be near.
    if due is not None and self._seen_step + 2 >= due:
      session = run_context.session
      step = int(session.run(self._global_step))
      self._update_if_due(session, step + 1)
    return tf.train.SessionRunArgs(self._global_step)

  def after_run(self, run_context, run_values) -> None:
    if self._is_chief:
      self._seen_step = int(run_values.results)

  def end(self, session) -> None:
    if not self._is_chief:
      return
    step = int(session.run(self._global_step))
    self._update_if_due(session, step)
    if self._done is not None:
      return
    message = (
      f'the run ended at global step {step}, before start_step '
      f'{self._schedule.start_step}: nothing was pruned'
    )
    if self._last_step is None and not self._sparsity:
      raise errors.InputError(
        f'{message} (if a later run goes on from here, give last_step)'
      )
    tf.logging.warning('%s', message)

  def _after_last_update(self) -> int:
    return -1 if self._done is None else self._done

  def _update_if_due(self, session: tf.Session, step: int) -> None:
    crossed = self._schedule.last_update(step)
    if crossed is not None and crossed > self._after_last_update():
      self._update(session, crossed)

  def _update(self, session: tf.Session, step: int) -> None:
    zeros = self._zeros_at(step)
    self._pruner.update(session, zeros)
    self._done = step
    self._sparsity = self._pruner.overall_sparsity(zeros)
    tf.logging.debug('Step %d: sparsity %.4f', step, self._sparsity)

  def _zeros_at(self, step: int) -> List[int]:
    return self._pruner.zeros_for(
      [schedule.sparsity(step) for schedule in self._schedules]
    )
