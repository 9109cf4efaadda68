"""Sparsity schedules: pure functions of the training step.

The polynomial schedule is that of Zhu & Gupta, "To prune, or not to prune"
(2017, arXiv:1710.01878), equation 1.
"""

from typing import Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checks, errors


class Schedule:
  """When masks change, and to which sparsity.

  Update points are `start_step`, every `frequency` steps from there, and
  always `end_step`. The update of step t is in force in the variables as a
  checkpoint of step t has them.

  Attributes:
    initial_sparsity: fraction of zeros at `start_step`, in [0, 1).
    target_sparsity: fraction of zeros from `end_step` on, in [0, 1).
    start_step: first step with an update.
    end_step: last step with an update.
    frequency: steps between updates.
  """

  def __init__(
    self,
    initial_sparsity: float,
    target_sparsity: float,
    start_step: int,
    end_step: int,
    frequency: int,
  ):
    self.target_sparsity = checks.sparsity('target_sparsity', target_sparsity)
    self.initial_sparsity = checks.sparsity(
      'initial_sparsity', initial_sparsity
    )
    self.start_step = checks.step('start_step', start_step)
    self.end_step = checks.step('end_step', end_step)
    self.frequency = checks.count('frequency', frequency)
    if self.initial_sparsity > self.target_sparsity:
      raise errors.InputError(
        'initial_sparsity must not be above target_sparsity '
        f'({self.target_sparsity}), got {self.initial_sparsity}'
      )
    if self.start_step > self.end_step:
      raise errors.InputError(
        f'start_step must not be after end_step ({self.end_step}), '
        f'got {self.start_step}'
      )

  def sparsity(self, step: int) -> float:
    """Gives the fraction of zeros that is due at a step; 0 before start."""
    if step < self.start_step:
      return 0.0
    return self._within(self.progress(step))

  def sparsity_tensor(self, step: tf.Tensor) -> tf.Tensor:
    """Gives `sparsity` of an integer scalar tensor, as a float32 scalar."""
    length = max(1, self.end_step - self.start_step)
    done = tf.cast(step - self.start_step, tf.float32) / length
    progress = tf.clip_by_value(done, 0.0, 1.0)
    if self.start_step == self.end_step:
      progress = tf.ones([])
    return tf.where(
      step < self.start_step,
      tf.zeros([]),
      tf.convert_to_tensor(self._within(progress), tf.float32),
    )

  def last_update(self, step: int) -> Optional[int]:
    """Gives the latest update point at or before a step, None before start."""
    if step < self.start_step:
      return None
    if step >= self.end_step:
      return self.end_step
    return step - (step - self.start_step) % self.frequency

  def next_update(self, step: int) -> Optional[int]:
    """Gives the first update point after a step, None from the end on."""
    if step < self.start_step:
      return self.start_step
    if step >= self.end_step:
      return None
    return min(self.last_update(step) + self.frequency, self.end_step)

  def with_target(self, target_sparsity: float) -> 'Schedule':
    """Gives this schedule with another target, for one layer.

    A target below the initial sparsity is held from the start.
    """
    raise NotImplementedError

  def _within(self, progress):
    """Sparsity at a fraction of the window; takes a float or a tensor."""
    raise NotImplementedError

  def progress(self, step: int) -> float:
    """Gives the fraction of the window that has passed at a step in it."""
    if step >= self.end_step:
      return 1.0
    return (step - self.start_step) / (self.end_step - self.start_step)


class PolynomialSchedule(Schedule):
  """Zhu & Gupta's schedule: fast at first, slower as weights get scarce.

  s(t) = s_f + (s_i - s_f) * (1 - (t - start) / (end - start)) ** exponent
  """

  def __init__(
    self,
    target_sparsity: float,
    start_step: int,
    end_step: int,
    initial_sparsity: float = 0.0,
    frequency: int = 10,
    exponent: float = 3,
  ):
    super().__init__(
      initial_sparsity, target_sparsity, start_step, end_step, frequency
    )
    self.exponent = checks.positive('exponent', exponent)

  def with_target(self, target_sparsity: float) -> 'PolynomialSchedule':
    return PolynomialSchedule(
      target_sparsity,
      self.start_step,
      self.end_step,
      min(self.initial_sparsity, target_sparsity),
      self.frequency,
      self.exponent,
    )

  def _within(self, progress):
    gap = self.initial_sparsity - self.target_sparsity
    return self.target_sparsity + gap * (1 - progress) ** self.exponent


class ConstantSchedule(Schedule):
  """The target sparsity from the first update on."""

  def __init__(
    self,
    target_sparsity: float,
    start_step: int,
    end_step: int,
    frequency: int = 10,
  ):
    super().__init__(
      target_sparsity, target_sparsity, start_step, end_step, frequency
    )

  def with_target(self, target_sparsity: float) -> 'ConstantSchedule':
    return ConstantSchedule(
      target_sparsity, self.start_step, self.end_step, self.frequency
    )

  def _within(self, progress):
    return self.target_sparsity + 0 * progress
