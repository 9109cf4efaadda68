"""The learning rates of a run: fitted to its steps, and looked at before it."""

from typing import List, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.builders import optimizer_builder
from object_detection.protos import optimizer_pb2, pipeline_pb2, train_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.training import learning_rates

# A rate that is less than this share of the highest one trains nothing.
_IDLE_RATE = 1e-3
# From this share of idle steps on it is told.
_IDLE_STEPS = 0.1
# Rates are looked at in so many steps.
_POINTS = 1000


def prepare(
  config: pipeline_pb2.TrainEvalPipelineConfig, made_for: int, model_dir: str
) -> List[str]:
  """Fits the learning rate to a run if its settings ask for it.

  Args:
    config: the effective pipeline config, with the steps of the run; changed in
      place.
    made_for: steps in the config as it was given; 0 where it has none.
    model_dir: of the run; its latest checkpoint is what the run goes on from.

  Returns:
    Lines for the user: what was changed, and a warning where the run would
    train nothing for a tenth of its steps or more.

  Raises:
    InputError: stock code cannot build the learning rate.
  """
  train = config.train_config
  message = pipeline.pruning_message(config)
  lines = []
  if message.fit_learning_rate:
    # Rounds of soft filter pruning are one training, with one decay.
    rounds = 1
    if message.HasField('soft_filter_pruning'):
      rounds = message.soft_filter_pruning.max_rounds
    lines.append(
      learning_rates.fit_steps(
        train, made_for * rounds, train.num_steps * rounds
      )
    )
  lines.append(_warning(train, made_for, _first_step(model_dir)))
  return [line for line in lines if line]


class Idle(NamedTuple):
  """Steps of a run in which it trains nothing.

  Attributes:
    share: of the steps that are left.
    first: the first of them.
    is_zero: whether the rate is 0 in all of them.
  """

  share: float
  first: int
  is_zero: bool


def idle(
  optimizer: optimizer_pb2.Optimizer, first: int, last: int
) -> Optional[Idle]:
  """Finds the steps of a run whose rate is 0, or next to it.

  That is less than a thousandth of the highest rate in the steps that are left,
  so that a run that goes on near the end of its decay is none that idles.

  Args:
    optimizer: with a learning rate.
    first: step that comes next.
    last: number of steps of the whole run.

  Returns:
    None where they are less than a tenth of the steps that are left.
  """
  if first >= last:
    return None
  steps = _spread(first, last)
  values = rates(optimizer, steps)
  least = _IDLE_RATE * max(values)
  idles = (values == 0) | (values < least)
  if np.mean(idles) < _IDLE_STEPS:
    return None
  index = int(np.argmax(idles))
  found = steps[index]
  if index:
    # Between it and the one before there may be more.
    closer = _spread(steps[index - 1], found + 1)
    values_between = rates(optimizer, closer)
    between = (values_between == 0) | (values_between < least)
    found = closer[int(np.argmax(between))]
  return Idle(
    float(np.mean(idles)), int(found), bool(np.all(values[idles] == 0))
  )


def rates(optimizer: optimizer_pb2.Optimizer, steps: np.ndarray) -> np.ndarray:
  """Gives the learning rates that the stock optimizer has at some steps.

  Raises:
    InputError: stock code cannot build it.
  """
  plain = optimizer_pb2.Optimizer()
  plain.CopyFrom(optimizer)
  # They need what not every stack has, and are no part of the rate.
  plain.use_moving_average = False
  try:
    with tf.Graph().as_default(), tf.Session() as session:
      step = tf.placeholder(tf.int64, [])
      _, (rate,) = optimizer_builder.build(plain, global_step=step)
      rate_at = session.make_callable(rate, [step])
      return np.array([rate_at(each) for each in steps])
  except ValueError as error:
    raise errors.InputError(
      f'the learning rate in train_config.optimizer cannot be used: {error}'
    )


def _spread(first: int, end: int) -> np.ndarray:
  """Gives steps from first on and before end: all of them, if they are few."""
  count = min(end - first, _POINTS)
  return first + np.arange(count, dtype=np.int64) * (end - first) // count


def _first_step(model_dir: str) -> int:
  latest = checkpoints.latest(model_dir)
  if latest and checkpoints.exists(latest):
    return checkpoints.global_step(latest)
  return 0


def _warning(train: train_pb2.TrainConfig, made_for: int, first: int) -> str:
  found = learning_rates.settings_of(train.optimizer)
  if found is None:
    return ''
  idles = idle(train.optimizer, first, train.num_steps)
  if idles is None:
    return ''
  kind, settings = found
  (field, *_) = learning_rates.STEPS.get(kind, ['learning_rate'])
  value = learning_rates.step_text(settings, field)
  what = '0' if idles.is_zero else '0 or less than a thousandth of its peak'
  return (
    f'warning: the learning rate is {what} in {100 * idles.share:.0f} % of the '
    f'steps that are left, from step {idles.first} on, and nothing is trained '
    f'there: {kind}.{field} is {value} and the run has {train.num_steps} '
    'steps; ' + _advice(train, made_for, first)
  )


def _advice(train: train_pb2.TrainConfig, made_for: int, first: int) -> str:
  """Names the flag where it would help."""
  fitted = train_pb2.TrainConfig()
  fitted.CopyFrom(train)
  learning_rates.fit_steps(fitted, made_for, fitted.num_steps)
  if idle(fitted.optimizer, first, fitted.num_steps) is None:
    return '--fit_learning_rate fits the one to the other'
  return 'change the schedule, since --fit_learning_rate does not help here'
