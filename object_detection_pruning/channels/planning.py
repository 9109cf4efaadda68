"""Channels of a network that has no pipeline config: any of slim's layers.

Public, as what the package itself exports is: `plan_channels` and `narrow`.
"""

from typing import Dict, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import (
  groups,
  plan,
  selection,
)
from object_detection_pruning.channels import importance as importances
from object_detection_pruning.channels.surgery import narrow
from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import criteria, kernels
from object_detection_pruning.export import stripping

__all__ = ['narrow', 'plan_channels']


def plan_channels(
  outputs: Sequence[tf.Tensor],
  tensors: Dict[str, np.ndarray],
  ratio: float,
  importance: str = 'l1',
  ranked: bool = False,
  include: Sequence[str] = (),
  exclude: Sequence[str] = (),
) -> plan.Plan:
  """Plans which channels of a network go.

  Build the network for inference and give what it returns. Build the narrow one
  with the same code inside `width_scope(plan.layer_widths())`, and load
  `narrow(tensors, plan)` into it.

  Args:
    outputs: of the network. They keep their channels.
    tensors: its variables by name, masks among them or not.
    ratio: share of the channels that goes, in (0, 1).
    importance: how channels are scored, by the variables alone: one of
      `channels.importance.OF_CHECKPOINT`.
    ranked: whether channels are ranked over all groups, and not within each.
    include: patterns of layers.
    exclude: patterns of layers.

  Returns:
    The plan. It counts parameters, and no multiplications.

  Raises:
    InputError: there are no outputs, an argument is out of range, or no channel
      can go.
  """
  if not outputs:
    raise errors.InputError('outputs must be one tensor or more, got none')
  checks.fraction('ratio', ratio)
  criterion = importances.find(importance)
  criterion.check_has('importance', [criteria.BATCH_NORM])
  channels = _narrowable(groups.find(outputs[0].graph, outputs))
  folded = stripping.strip(tensors).tensors
  scores = {
    group.name: criterion.score(group, folded)
    for group in selection.candidates(channels, include, exclude)
  }
  select = selection.ranked if ranked else selection.uniform
  removed = select(scores, ratio, selection.Bounds(min_channels=1))
  return plan.Plan(channels, {}, removed).check_removes()


def _narrowable(channels: groups.Channels) -> groups.Channels:
  """Leaves groups alone whose kernels `width_scope` makes no narrower."""

  def reason(group: groups.ChannelGroup) -> Optional[str]:
    for part in group.slices:
      rank = len(channels.shapes.get(part.variable, ()))
      # What reads the channels, or is multiplied with them, follows.
      if part.is_output and not kernels.kind_of(part.variable, rank):
        return (
          f'width_scope does not know {part.variable} for a kernel: call it '
          'weights or kernel'
        )
    return None

  return channels._replace(
    groups=[
      group._replace(reason=group.reason or reason(group))
      for group in channels.groups
    ]
  )
