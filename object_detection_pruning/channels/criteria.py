"""Criteria of channels that need the checkpoint alone.

Filters are compared within the kernels that make them; where a group has
several, the scores of each, divided by their mean, are averaged.
"""

from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.channels import groups
from object_detection_pruning.common import errors
from object_detection_pruning.core import criteria

Tensors = Dict[str, np.ndarray]
_GAMMA = 'gamma'


class TrainingInput(NamedTuple):
  """What a criterion that looks at training data gets.

  Attributes:
    config: the pipeline config, for the training input and the loss.
    tensors: the checkpoint by name, with its masks.
    num_batches: training batches to look at.
  """

  config: pipeline_pb2.TrainEvalPipelineConfig
  tensors: Tensors
  num_batches: int


class ChannelCriterion(criteria.Criterion):
  """A way to tell how much each channel of a group matters.

  Scores are float64 [channels], 0 or more, and 1 on average unless all are 0,
  so that those of several groups can be compared.
  """

  def score(self, group: groups.ChannelGroup, tensors: Tensors) -> np.ndarray:
    """Scores the channels of one group.

    Args:
      group: the channels.
      tensors: variables by name, masks folded in.

    Raises:
      InputError: the group has nothing to measure.
    """
    raise NotImplementedError

  def scores(
    self,
    chosen: Sequence[groups.ChannelGroup],
    tensors: Tensors,
    training_input: Optional[TrainingInput] = None,
  ) -> Dict[str, np.ndarray]:
    """Scores the channels of several groups, by group name.

    Args:
      chosen: the groups.
      tensors: variables by name, masks folded in.
      training_input: for what needs training data.

    Raises:
      InputError: a group has nothing to measure, or the training input does
        not do.
    """
    del training_input
    return {group.name: self.score(group, tensors) for group in chosen}


class _SliceCriterion(ChannelCriterion):
  """Measures slices of variables that count, each for itself."""

  def score(self, group: groups.ChannelGroup, tensors: Tensors) -> np.ndarray:
    measured = [
      normalized(self._measure(slice_rows(part, tensors[part.variable])))
      for part in group.slices
      if self._counts(part, tensors.get(part.variable))
    ]
    if not measured:
      raise errors.InputError(
        f'importance {self} needs {" and ".join(self.needs) or "filters"}, and '
        f'{group.name} has none: exclude it or take another'
      )
    return np.mean(measured, axis=0)

  def _counts(self, part: groups.Slice, array: Optional[np.ndarray]) -> bool:
    """Tells whether a slice is measured; a norm takes consumers' slices too."""
    return array.ndim > 1

  def _measure(self, rows: np.ndarray) -> np.ndarray:
    """Scores channels by their values, float64 [channels, n]."""
    raise NotImplementedError


class L1(_SliceCriterion):
  """L1 norm of all slices of a channel, consumers included."""

  form = 'l1'

  def _measure(self, rows: np.ndarray) -> np.ndarray:
    return np.abs(rows).sum(1)


class L2(_SliceCriterion):
  """L2 norm of all slices of a channel, consumers included."""

  form = 'l2'

  def _measure(self, rows: np.ndarray) -> np.ndarray:
    return np.sqrt((rows**2).sum(1))


class FilterL1(L1):
  """L1 norm of the channel's filters (Li et al. 2017)."""

  form = 'filter_l1'

  def _counts(self, part: groups.Slice, array: Optional[np.ndarray]) -> bool:
    return part.is_output


class FilterL2(L2):
  """L2 norm of the channel's filters (He et al. 2018)."""

  form = 'filter_l2'

  def _counts(self, part: groups.Slice, array: Optional[np.ndarray]) -> bool:
    return part.is_output


class GeometricMedian(_SliceCriterion):
  """Distance to the other filters of the layer (He et al. 2019)."""

  form = 'fpgm'

  def _counts(self, part: groups.Slice, array: Optional[np.ndarray]) -> bool:
    return part.is_output

  def _measure(self, rows: np.ndarray) -> np.ndarray:
    squares = (rows**2).sum(1)
    gram = squares[:, None] + squares[None] - 2 * rows.dot(rows.T)
    return np.sqrt(np.maximum(gram, 0)).sum(1)


class BatchNormScale(L1):
  """Absolute scale of the batch norm behind it (Liu et al. 2017)."""

  form = 'batch_norm'
  needs = frozenset({criteria.BATCH_NORM})

  def _counts(self, part: groups.Slice, array: Optional[np.ndarray]) -> bool:
    return part.variable.rpartition('/')[2] == _GAMMA


class Random(ChannelCriterion):
  """A draw, the same each time, as something to compare with."""

  form = 'random'
  is_repeatable = False

  def __init__(self, seed: int = 0):
    self.seed = seed

  def score(self, group: groups.ChannelGroup, tensors: Tensors) -> np.ndarray:
    return np.random.RandomState(self.seed).uniform(0.5, 1.5, group.size)

  def scores(
    self,
    chosen: Sequence[groups.ChannelGroup],
    tensors: Tensors,
    training_input: Optional[TrainingInput] = None,
  ) -> Dict[str, np.ndarray]:
    return {
      group.name: Random(self.seed + number).score(group, tensors)
      for number, group in enumerate(chosen)
    }


def slice_rows(part: groups.Slice, array: np.ndarray) -> np.ndarray:
  """Gives the values of each channel in a variable, float64 [channels, n]."""
  taken = np.take(array, part.indices.reshape(-1), part.axis)
  taken = np.moveaxis(taken, part.axis, 0).astype(np.float64)
  return taken.reshape(len(part.indices), -1)


def normalized(values: np.ndarray) -> np.ndarray:
  """Divides scores by their mean, unless all are 0."""
  mean = values.mean()
  return values / mean if mean > 0 else values
