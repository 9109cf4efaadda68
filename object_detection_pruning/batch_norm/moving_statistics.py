"""Batch-norm statistics of a training graph: what they are, how they lag.

A moving statistic forgets at the rate 1 - decay, so it remembers about
1 / (1 - decay) steps. Weights that changed within that memory leave statistics
of another network behind, and the training loss does not show it.
"""

from typing import Iterable, List, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import tensor_util

from object_detection_pruning.core import schedules

_STATISTICS = ('moving_mean', 'moving_variance')
_ASSIGN_OPS = ('AssignSub', 'AssignSubVariableOp')


class MovingStatistic(NamedTuple):
  """A moving mean or variance that training updates.

  Attributes:
    variable: the moving statistic, shape [channels].
    batch_values: the same statistic of the current batch, one tensor for each
      use of the layer.
    decay: share of the old value that an update keeps; None if it is no
      constant.
  """

  variable: tf.Variable
  batch_values: List[tf.Tensor]
  decay: Optional[float]


def trained_statistics(graph: tf.Graph = None) -> List[MovingStatistic]:
  """Finds the moving statistics that a training graph updates.

  Those of frozen batch norm have no update op and are not among them.

  Args:
    graph: a training graph of slim layers, with updates in place or not.
  """
  graph = graph or tf.get_default_graph()
  variables = {
    variable.op.name: variable
    for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    if variable.op.name.rpartition('/')[2] in _STATISTICS
  }
  found = {}
  # In-place updates are in no collection, so all ops are looked through.
  for operation in graph.get_operations():
    if operation.type not in _ASSIGN_OPS:
      continue
    variable = variables.get(operation.inputs[0].op.name)
    parts = _parts(operation.inputs[1])
    if variable is None or parts is None:
      continue
    value, decay = parts
    entry = found.setdefault(
      variable.op.name, MovingStatistic(variable, [], decay)
    )
    if value not in entry.batch_values:
      entry.batch_values.append(value)
  return list(found.values())


def frozen_statistics(
  trained: Iterable[MovingStatistic], graph: tf.Graph = None
) -> List[tf.Variable]:
  """Lists the moving statistics of a graph that are not among the trained."""
  graph = graph or tf.get_default_graph()
  names = {statistic.variable.op.name for statistic in trained}
  return [
    variable
    for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    if variable.op.name.rpartition('/')[2] in _STATISTICS
    and variable.op.name not in names
  ]


def memory(statistics: Iterable[MovingStatistic]) -> int:
  """Gives the longest memory of the statistics, in steps; 0 if there are none.

  After that many steps a value that is no longer true has lost 63 % of its
  weight in the moving average.
  """
  decays = [s.decay for s in statistics if s.decay is not None]
  return int(round(1 / (1 - max(decays)))) if decays else 0


def warn_if_stale(
  schedule: Optional[schedules.Schedule], train_steps: Optional[int]
) -> None:
  """Warns where statistics will belong to the network before the last update.

  Args:
    schedule: of the masks of the graph that is being built, if they change.
    train_steps: last training step, if there is one.
  """
  steps = memory(trained_statistics())
  if schedule is None or not steps or not train_steps:
    return
  last_update = schedule.last_update(train_steps)
  steps_left = train_steps - last_update
  # After three times the memory 5 % of the old statistics are left.
  if steps_left >= 3 * steps:
    return
  tf.logging.warning(
    'Batch norm remembers about %d steps, but only %d steps follow the last '
    'mask update (step %d of %d), so evaluation will use statistics of the '
    'denser network and mAP will look far too low. Re-calibrate after '
    'training: pass --recalibrate_batch_norm=100, or run '
    'odp recalibrate_batch_norm. Or lower '
    'batch_norm.decay in the config, with '
    'override_base_feature_extractor_hyperparams: true.',
    steps,
    steps_left,
    last_update,
    train_steps,
  )


def warn_if_frozen() -> None:
  """Warns where a model that starts from nothing trains no batch norm."""
  trained = trained_statistics()
  frozen = frozen_statistics(trained)
  if trained or not frozen:
    return
  tf.logging.warning(
    'All batch norm is frozen (%d moving statistics) and there is no '
    'fine_tune_checkpoint to take it from, so it will stay at mean 0 and '
    'variance 1: set batch_norm_trainable: true in the feature_extractor of a '
    'Faster or Mask R-CNN, batch_norm.train: true in that of an SSD.',
    len(frozen),
  )


class Averages:
  """Exact averages of batch statistics over any number of batches."""

  def __init__(self, statistics: Iterable[MovingStatistic]):
    self._statistics = list(statistics)
    self._sums = None
    self._count = 0

  @property
  def fetches(self) -> List[List[tf.Tensor]]:
    """What to run for each batch, in the form that `add` takes."""
    return [statistic.batch_values for statistic in self._statistics]

  def add(self, values: List[List[np.ndarray]]) -> None:
    """Adds the values of a batch; a layer used twice counts as their mean."""
    # Many small float32 sums would lose digits that a variance needs.
    means = [np.mean(uses, axis=0, dtype=np.float64) for uses in values]
    if self._sums is None:
      self._sums = means
    else:
      self._sums = [old + new for old, new in zip(self._sums, means)]
    self._count += 1

  def result(self) -> dict:
    """Gives the average of each moving statistic by its variable's name."""
    return {
      statistic.variable.op.name: (total / self._count).astype(np.float32)
      for statistic, total in zip(self._statistics, self._sums)
    }


def _parts(delta: tf.Tensor):
  """Takes `(variable - value) * rate` apart into (value, 1 - rate)."""
  if delta.op.type != 'Mul':
    return None
  difference, rate = (tensor.op for tensor in delta.op.inputs)
  if difference.type != 'Sub':
    return None
  constant = _constant(rate.outputs[0])
  return difference.inputs[1], None if constant is None else 1.0 - constant


def _constant(tensor: tf.Tensor) -> Optional[float]:
  """Gives the value of a constant, or of the difference of two."""
  if tensor.op.type == 'Sub':
    # Fused batch norm takes the decay from 1 in the graph.
    parts = [_constant(part) for part in tensor.op.inputs]
    return None if None in parts else parts[0] - parts[1]
  value = tensor_util.constant_value(tensor)
  return None if value is None else float(value)
