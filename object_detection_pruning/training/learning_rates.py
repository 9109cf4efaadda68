"""Learning-rate settings of a config, fitted to a run of another length."""

from object_detection.protos import optimizer_pb2

_RATES = (
  'learning_rate',
  'learning_rate_base',
  'initial_learning_rate',
  'burnin_learning_rate',
  'min_learning_rate',
)


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
  rate = getattr(optimizer, optimizer.WhichOneof('optimizer')).learning_rate
  kind = rate.WhichOneof('learning_rate')
  settings = getattr(rate, kind)
  _scale(settings, factor)
  if kind == 'manual_step_learning_rate':
    for entry in settings.schedule:
      _scale(entry, factor)
  if kind == 'cosine_decay_learning_rate':
    hold, total = settings.hold_base_rate_steps, settings.total_steps
    share = hold / total if hold < total else 0.5
    settings.total_steps = steps
    settings.warmup_steps = min(settings.warmup_steps, steps // 10)
    settings.hold_base_rate_steps = min(hold, int(share * steps))
    settings.warmup_learning_rate = min(
      settings.warmup_learning_rate, settings.learning_rate_base
    )


def _scale(settings, factor: float) -> None:
  for name in _RATES:
    if name in settings.DESCRIPTOR.fields_by_name:
      setattr(settings, name, getattr(settings, name) * factor)
