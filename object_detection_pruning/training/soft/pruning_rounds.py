"""Rounds of soft filter pruning, until what was set to zero stays there."""

from typing import Callable, List, NamedTuple, Optional, Sequence

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import layer_patterns, schedules
from object_detection_pruning.protos import pruning_pb2
from object_detection_pruning.training.soft import recovery_report

Report = Sequence[recovery_report.GroupReport]


class Settings(NamedTuple):
  """How filters are pruned softly.

  Attributes:
    ratio: share of each group's filters that is set to zero, in (0, 1).
    start_step: global step of the first update.
    ramp_steps: steps over which the share rises to `ratio`.
    frequency: steps between updates; None for one pass over the data.
    thresholds: shares of the mean norm above which a filter has come back;
      each round is judged by one, see `repeat`.
    include: patterns of layers; none for all.
    exclude: patterns of layers.
    max_failure_rate: share that may come back; None where there is no bound.
    max_rounds: the training steps are run this often at most.
  """

  ratio: float
  start_step: int = 0
  ramp_steps: int = 0
  frequency: Optional[int] = None
  thresholds: Sequence[float] = (0.01,)
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()
  max_failure_rate: Optional[float] = None
  max_rounds: int = 1

  def check(self) -> 'Settings':
    """Returns itself, or raises `InputError`."""
    name = 'soft_filter_pruning.'
    checks.fraction(name + 'ratio', self.ratio)
    checks.step(name + 'start_step', self.start_step)
    checks.step(name + 'ramp_steps', self.ramp_steps)
    if self.frequency is not None:
      checks.count(name + 'frequency', self.frequency)
    for threshold in self.thresholds:
      checks.positive(name + 'threshold', threshold)
    layer_patterns.check(name + 'include', self.include)
    layer_patterns.check(name + 'exclude', self.exclude)
    if self.max_failure_rate is not None:
      checks.sparsity(name + 'max_failure_rate', self.max_failure_rate)
    checks.count(name + 'max_rounds', self.max_rounds)
    if self.max_rounds > 1 and self.max_failure_rate is None:
      raise errors.InputError(
        f'soft_filter_pruning.max_rounds is {self.max_rounds} but '
        'max_failure_rate is not set, so a second round would never end early'
      )
    return self

  def schedule(self, train_steps: int) -> 'SoftSchedule':
    """Gives the schedule over all rounds.

    Args:
      train_steps: of one round.

    Raises:
      InputError: the first update comes too late.
    """
    if self.start_step + self.ramp_steps >= train_steps:
      raise errors.InputError(
        'soft_filter_pruning.start_step and ramp_steps must end before the '
        f'last training step ({train_steps}), got {self.start_step} and '
        f'{self.ramp_steps}'
      )
    if self.frequency > train_steps - self.start_step:
      raise errors.InputError(
        'soft_filter_pruning.frequency (one pass over the data if not set) '
        f'must leave room for a second update by the last training step '
        f'({train_steps}), got {self.frequency}'
      )
    return SoftSchedule(
      self.ratio,
      self.start_step,
      self.ramp_steps,
      train_steps * self.max_rounds,
      self.frequency,
    )


def from_message(message: pruning_pb2.Pruning) -> Optional[Settings]:
  """Reads the settings of a `pruning` message; None where it has none.

  Raises:
    InputError: a value is out of range, the ratio is missing, or the message
      asks for masks as well.
  """
  if not message.HasField('soft_filter_pruning'):
    return None
  soft = message.soft_filter_pruning
  given = {field.name: value for field, value in soft.ListFields()}
  if 'ratio' not in given:
    raise errors.InputError(
      f'soft_filter_pruning.{min(given, default="message")} is set but ratio '
      '(--soft_filter_pruning_ratio) is not'
    )
  if message.HasField('target_sparsity'):
    raise errors.InputError(
      'target_sparsity (--sparsity) is for masks and soft_filter_pruning for '
      'networks without: give one of them'
    )
  if 'threshold' in given:
    given['thresholds'] = tuple(given.pop('threshold'))
  return Settings(**given).check()


class SoftSchedule(schedules.Schedule):
  """The share rises in a straight line, and updates go on to the end."""

  def __init__(self, ratio, start_step, ramp_steps, end_step, frequency):
    super().__init__(0.0, ratio, start_step, end_step, frequency)
    self._ramp_steps = ramp_steps

  def sparsity(self, step: int) -> float:
    if step < self.start_step:
      return 0.0
    done = step - self.start_step
    if done >= self._ramp_steps:
      return self.target_sparsity
    return self.target_sparsity * done / self._ramp_steps


class Rounds(NamedTuple):
  """What the rounds came to.

  Attributes:
    reports: of each round.
    rates: failure rate of each round over all groups, at its threshold.
    threshold: of the last round.
    reached: whether the last rate is at or under the bound.
  """

  reports: List[Report]
  rates: List[float]
  threshold: float
  reached: bool


def repeat(
  train: Callable[[int], Report],
  thresholds: Sequence[float],
  bound: float,
  max_rounds: int,
) -> Rounds:
  """Trains round after round until few filters come back.

  Args:
    train: trains the round of this number, from 0, under a
      `SoftFilterPruningHook` and gives its report.
    thresholds: the strictest (the least) judges the first round, the next one
      the second; the laxest is that of all rounds that are left.
    bound: failure rate to reach, in [0, 1).
    max_rounds: rounds at most.

  Raises:
    InputError: an argument is out of range.
  """
  checks.sparsity('bound', bound)
  checks.count('max_rounds', max_rounds)
  if not thresholds:
    raise errors.InputError('thresholds must not be empty')
  from_strict = sorted(thresholds)
  reports, rates = [], []
  for number in range(max_rounds):
    report = train(number)
    threshold = from_strict[min(number, len(from_strict) - 1)]
    rate = recovery_report.failure_rate(report, threshold)
    reports.append(report)
    rates.append(rate)
    if rate <= bound:
      return Rounds(reports, rates, threshold, True)
  return Rounds(reports, rates, threshold, False)
