"""How channels are compared: the criteria, and scores by one of them."""

from typing import Dict

import numpy as np

from object_detection_pruning.channels import criteria, groups, taylor
from object_detection_pruning.core import choices
from object_detection_pruning.core import criteria as core_criteria

CRITERIA = (
  criteria.L1,
  criteria.L2,
  criteria.FilterL1,
  criteria.FilterL2,
  criteria.GeometricMedian,
  criteria.BatchNormScale,
  criteria.Random,
  taylor.Taylor,
)
METHODS = tuple(choices.forms(CRITERIA))
# Those that give the same channels wherever the same checkpoint is scored.
OF_CHECKPOINT = tuple(
  criterion.form
  for criterion in CRITERIA
  if criterion.is_repeatable and criterion.needs <= {core_criteria.BATCH_NORM}
)


def find(method: str) -> criteria.ChannelCriterion:
  """Gives the criterion of channels that a text stands for, or raises."""
  return choices.find('importance', method, CRITERIA)


def scores(
  method: str, group: groups.ChannelGroup, tensors: Dict[str, np.ndarray]
) -> np.ndarray:
  """Scores the channels of a group; the lowest go first.

  Args:
    method: one of `METHODS` that needs no training data.
    group: the channels.
    tensors: variables by name, masks folded in.

  Returns:
    float64 [channels], 0 or more, 1 on average unless all are zero.

  Raises:
    InputError: there is no such method, it needs more than the checkpoint, or
      the group has nothing to measure.
  """
  criterion = find(method)
  criterion.check_has('importance', [core_criteria.BATCH_NORM])
  return criterion.score(group, tensors)
