"""A session hook that updates masks when the schedule says so."""

from typing import Mapping, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  mask_rules,
  masking,
  pruning_method,
  schedules,
)
from object_detection_pruning.hooks import update_hook


class ModelPruningHook(update_hook.UpdateHook):
  """Prunes the masked kernels of a model while it trains.

  For any Estimator or `MonitoredSession` whose model was built under
  `masking_scope`:

      before run t   masks of step t, if t is an update point   <- this hook
      run t          gradients, weights, global step := t
      after run t    checkpoints and summaries of step t see those masks

  The masks of step t are cut from the weights as they are before run t. No
  layer gets fewer zeros than its mask had when training began, so that a model
  that is pruned already is pruned further. With a regrowth at a constant
  sparsity the first update cuts the masks, unless they are there, and those
  after it move them.
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
    **method,
  ):
    """Prunes by the schedule of Zhu & Gupta; `from_schedule` by any other.

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
      **method: `criterion`, `granularity` and `allocation`, each an object or
        the text that stands for it; see `PruningMethod`. A criterion that
        gathers scores while training, as 'movement', is given to
        `masking_scope` as well. `regrowth` says how masked weights grow back:
        'set' and 'rigl' at a constant sparsity; 'rigl' needs
        `masking_scope(gradients=True)`, 'soft' `soft_until=end_step` there.

    Raises:
      InputError: an argument is out of range, or `start_step` is not before
        `last_step`. Later, from the session: nothing is masked, a pattern of a
        `masking_scope` is found in no layer, the window is over and nothing was
        pruned in it, or a run without `last_step` ends by itself with nothing
        pruned.
    """
    self._set_up(
      schedules.PolynomialSchedule(
        target_sparsity,
        start_step,
        end_step,
        initial_sparsity,
        frequency,
        exponent,
      ),
      pruning_method.PruningMethod(layer_sparsities=layer_sparsities, **method),
      last_step,
    )

  @classmethod
  def from_schedule(
    cls,
    schedule: schedules.Schedule,
    layer_sparsities: Sequence[allocation.LayerSparsity] = (),
    last_step: Optional[int] = None,
    starting_zeros: Optional[Mapping[str, int]] = None,
    **method,
  ) -> 'ModelPruningHook':
    """Makes a hook that follows any schedule.

    Args:
      schedule: when masks change, and to which sparsity.
      layer_sparsities: see `__init__`.
      last_step: see `__init__`.
      starting_zeros: zeros that masks had when training began, by the name of
        the mask, for a run that goes on within the window. None: what they have
        when a run begins, if the window has not begun or they are ahead of the
        schedule.
      **method: see `__init__`.
    """
    hook = cls.__new__(cls)
    hook._set_up(
      schedule,
      pruning_method.PruningMethod(layer_sparsities=layer_sparsities, **method),
      last_step,
      starting_zeros,
    )
    return hook

  def _set_up(
    self,
    schedule: schedules.Schedule,
    method: pruning_method.PruningMethod,
    last_step: Optional[int],
    starting_zeros: Optional[Mapping[str, int]] = None,
  ) -> None:
    update_hook.UpdateHook.__init__(self, method.fit(schedule))
    if last_step is not None and schedule.start_step >= last_step:
      raise errors.InputError(
        f'start_step must be before the last training step ({last_step}), '
        f'got {schedule.start_step}'
      )
    self._method = method
    self._last_step = last_step
    self._starting_zeros = starting_zeros
    self._sparsity = None

  @property
  def sparsity(self) -> Optional[float]:
    """Fraction of zeros over all masked kernels; None before the session."""
    return self._sparsity

  def begin(self) -> None:
    super().begin()
    mask_rules.check_patterns()
    kernels = masking.masked_kernels()
    self._kernels = kernels
    self._method.check_network(self.schedule, kernels)
    self._pruner = self._method.pruner(kernels)
    self._plan = self._method.plan(self.schedule, kernels)
    self._rewirer = self._method.rewirer(kernels)

  def started(self, session: tf.Session, step: int) -> None:
    zeros = self._pruner.measure(session)
    self._sparsity = self._pruner.overall_sparsity(zeros)
    self.done = self.schedule.last_update(step)
    self._keep(zeros)
    self._say_what_is_planned()
    if self.done is None or self._plan.holds(zeros, self.done):
      return
    if step > self.schedule.end_step and not any(zeros):
      raise errors.InputError(
        f'end_step {self.schedule.end_step} is before the global step '
        f'{step} of this run, and nothing is pruned yet: '
        'the schedule can never fire'
      )
    # A run that begins at the first update has nothing to be wrong with yet.
    if step > self.schedule.start_step:
      tf.logging.warning(
        'Masks at global step %d do not have the sparsity that is due, '
        'updating them.',
        step,
      )
    self.update_to(session, self.done)

  def _keep(self, zeros: Sequence[int]) -> None:
    """Tells the plan what masks had when training began, if that is known."""
    if self._starting_zeros:
      # A separable layer has two kernels.
      zeros = [
        self._starting_zeros.get(kernel.mask.op.name, 0)
        for kernel in self._kernels
      ]
    elif self.done is not None and not self._plan.is_ahead(zeros, self.done):
      return
    self._plan.keep(zeros)
    if any(zeros) and self.done is None:
      tf.logging.info(
        'Masks began with sparsity %.4f: no layer will have fewer zeros.',
        self._pruner.overall_sparsity(zeros),
      )

  def _say_what_is_planned(self) -> None:
    """Tells of layers that do not follow the target, and of an early end."""
    end = self.schedule.end_step
    if self._plan.own_targets:
      tf.logging.info(
        '%d of %d layers follow layer_sparsity, whatever the target (%.4f) of '
        'the others: the plan ends at sparsity %.4f.',
        len(self._plan.own_targets),
        len(self._plan.layers),
        self.schedule.target_sparsity,
        self._plan.sparsity_at(end),
      )
    if self._last_step is not None and end > self._last_step:
      reached = self.schedule.last_update(self._last_step)
      tf.logging.warning(
        'end_step %d is after the last training step %d: this run will reach '
        'sparsity %.4f of %.4f.',
        end,
        self._last_step,
        self._plan.sparsity_at(reached),
        self._plan.sparsity_at(end),
      )

  def update(self, session: tf.Session, step: int) -> None:
    if self._rewirer is not None and self._moved(session, step):
      return
    self._pruner.check_gathered(session)
    scores = None
    if self._plan.needs_scores:
      scores = self._pruner.scores(session)
    zeros = self._plan.zeros_at(step, scores)
    self._pruner.update(session, zeros)
    self._sparsity = self._pruner.overall_sparsity(zeros)
    tf.logging.debug('Step %d: sparsity %.4f', step, self._sparsity)

  def _moved(self, session: tf.Session, step: int) -> bool:
    """Moves masks that have their sparsity; tells whether they have it."""
    zeros = self._pruner.measure(session)
    # Masks that were given, or changed since, may have another.
    if not self._plan.holds(zeros, step):
      return False
    # At the start masks are set, and those that are given stay as they are.
    if step > self.schedule.start_step:
      numbers = self._rewirer.numbers(zeros, self.schedule.progress(step))
      self._rewirer.rewire(session, step, numbers)
    return True

  def ended(self, session: tf.Session, step: int) -> None:
    self.update_at_the_end(session, step)
    if self.done is not None:
      if self.done < self.schedule.end_step:
        tf.logging.warning(
          'The run ended at global step %d, before end_step %d: it has reached '
          'sparsity %.4f of %.4f.',
          step,
          self.schedule.end_step,
          self._sparsity,
          self._plan.sparsity_at(self.schedule.end_step),
        )
      return
    message = (
      f'the run ended at global step {step}, before start_step '
      f'{self.schedule.start_step}: nothing was pruned'
    )
    if self._last_step is None and not self._sparsity:
      raise errors.InputError(
        f'{message} (if a later run goes on from here, give last_step)'
      )
    tf.logging.warning('%s', message)
