"""Learning-rate settings of a config, fitted to a run of another length."""

from typing import Optional

from google.protobuf import message as messages
from object_detection.protos import optimizer_pb2, train_pb2

_RATES = (
  'learning_rate',
  'learning_rate_base',
  'initial_learning_rate',
  'burnin_learning_rate',
  'min_learning_rate',
)
COSINE = 'cosine_decay_learning_rate'
EXPONENTIAL = 'exponential_decay_learning_rate'
MANUAL = 'manual_step_learning_rate'
# What each kind counts in steps; the first is what a rate falls by.
STEPS = {
  COSINE: ('total_steps', 'warmup_steps', 'hold_base_rate_steps'),
  EXPONENTIAL: ('decay_steps', 'burnin_steps'),
  MANUAL: ('schedule.step',),
}
# Of the fields that hold them.
_MOST_STEPS = 2**32 - 1


def settings_of(optimizer: optimizer_pb2.Optimizer) -> Optional[tuple]:
  """Gives the kind of an optimizer's learning rate, and its settings.

  Returns:
    Name of the field, and the message in it; None where there is no rate.
  """
  kind = optimizer.WhichOneof('optimizer')
  if kind is None:
    return None
  rate = getattr(optimizer, kind).learning_rate
  field = rate.WhichOneof('learning_rate')
  return None if field is None else (field, getattr(rate, field))


def fit(optimizer: optimizer_pb2.Optimizer, steps: int, factor: float) -> None:
  """Scales the learning rate, and ends a cosine decay with the run.

  Its warm-up takes a tenth of the run at most. It holds its rate for the same
  share of all steps, or for half of them if it held to its end, and never for
  more steps than before. Of the other kinds only the rates change, and steps
  stay as they are.

  Args:
    optimizer: changed in place; must hold a learning rate.
    steps: length of the run.
    factor: on the learning rate.
  """
  kind, settings = settings_of(optimizer)
  _scale(settings, factor)
  if kind == MANUAL:
    for entry in settings.schedule:
      _scale(entry, factor)
  if kind == COSINE:
    _end_cosine(settings, steps)


def fit_steps(train: train_pb2.TrainConfig, made_for: int, steps: int) -> str:
  """Stretches or squeezes the learning rate to the steps of a run.

  A cosine decay ends with the run, as in `fit`; one that does so already stays
  as it is. The steps of the other kinds are multiplied by what the run is to
  the one that they were made for. Rates stay.

  Args:
    train: changed in place.
    made_for: steps of the run that the config is of; 0 where it does not say.
    steps: those of the run; 0 for a run without an end.

  Returns:
    A line that says what has changed, or why nothing can; empty where there is
    nothing to change.
  """
  found = settings_of(train.optimizer)
  if found is None or found[0] not in STEPS:
    return ''
  kind, settings = found
  if not steps:
    return 'learning rate not fitted: the run has no last step'
  if kind != COSINE and not made_for:
    return (
      'learning rate not fitted: the config does not say in '
      'train_config.num_steps how many steps it was made for'
    )
  before = {name: step_text(settings, name) for name in STEPS[kind]}
  if kind == COSINE and settings.total_steps != steps:
    _end_cosine(settings, steps)
  elif kind == EXPONENTIAL and made_for != steps:
    for name in STEPS[kind]:
      # A decay in no steps is none, and there may be no burn-in.
      least = min(getattr(settings, name), 1)
      value = _stretched(getattr(settings, name), made_for, steps)
      setattr(settings, name, max(least, value))
  elif kind == MANUAL:
    _stretch_boundaries(settings, made_for, steps)
  changes = [
    f'{name} {old} -> {step_text(settings, name)}'
    for name, old in before.items()
    if old != step_text(settings, name)
  ]
  if not changes:
    return ''
  return f'learning rate fitted to {steps} steps: {", ".join(changes)}'


def step_text(settings: messages.Message, name: str) -> str:
  """Gives a field of the settings as text, `schedule.step` included."""
  if name != 'schedule.step':
    return str(getattr(settings, name))
  return '/'.join(str(entry.step) for entry in settings.schedule)


def _end_cosine(settings: messages.Message, steps: int) -> None:
  hold, total = settings.hold_base_rate_steps, settings.total_steps
  held = hold * steps // total if hold < total else steps // 2
  settings.total_steps = steps
  settings.warmup_steps = min(settings.warmup_steps, steps // 10)
  settings.hold_base_rate_steps = min(hold, held)
  settings.warmup_learning_rate = min(
    settings.warmup_learning_rate, settings.learning_rate_base
  )


def _stretch_boundaries(
  settings: messages.Message, made_for: int, steps: int
) -> None:
  """Moves the boundaries of a schedule, which must rise and not be 0."""
  least = 1
  for entry in settings.schedule:
    if made_for != steps:
      entry.step = max(least, _stretched(entry.step, made_for, steps))
    least = entry.step + 1


def _stretched(count: int, made_for: int, steps: int) -> int:
  return min((count * steps + made_for // 2) // made_for, _MOST_STEPS)


def _scale(settings, factor: float) -> None:
  for name in _RATES:
    if name in settings.DESCRIPTOR.fields_by_name:
      setattr(settings, name, getattr(settings, name) * factor)
