"""Which weights become zero: criterion, granularity and allocation."""

from typing import List, Optional, Sequence, Union

from object_detection_pruning.common import errors
from object_detection_pruning.core import allocation as allocations
from object_detection_pruning.core import (
  choices,
  criteria,
  gathering,
  kernel_axes,
  masking,
  pruner,
  rewirer,
  schedules,
  soft_masks,
  sparsity_plan,
)
from object_detection_pruning.core import granularity as granularities
from object_detection_pruning.core import regrowth as regrowths


class PruningMethod:
  """Which weights of the masked kernels become zero.

  Attributes:
    criterion: which weights go first.
    granularity: which go together.
    allocation: how zeros are divided among layers.
    layer_sparsities: targets of single layers.
    regrowth: how masked weights grow back; None where they do not.
  """

  def __init__(
    self,
    criterion: Union[str, criteria.WeightCriterion] = 'magnitude',
    granularity: Union[str, granularities.Granularity] = 'weight',
    allocation: Union[str, allocations.Allocation] = 'uniform',
    layer_sparsities: Sequence[allocations.LayerSparsity] = (),
    regrowth: Union[str, regrowths.Regrowth, None] = None,
  ):
    """Takes objects, or the texts that stand for them.

    Raises:
      InputError: a text stands for nothing, the criterion needs what training
        does not have, an entry is broken, or two of them do not go together.
    """
    if isinstance(criterion, str):
      criterion = criteria.find(criterion)
    if isinstance(granularity, str):
      granularity = granularities.find(granularity)
    if isinstance(allocation, str):
      allocation = allocations.find(allocation)
    if isinstance(regrowth, str):
      regrowth = regrowths.find(regrowth)
    if isinstance(regrowth, regrowths.Exchange):
      _check_exchange(regrowth, criterion, granularity)
    elif regrowth is not None and regrowth.is_soft:
      _check_soft(regrowth, criterion)
    criterion.check_has('criterion', [criteria.GRADIENTS])
    allocations.check(layer_sparsities)
    self.criterion = criterion
    self.granularity = granularity
    self.allocation = allocation
    self.layer_sparsities = tuple(layer_sparsities)
    self.regrowth = regrowth

  def __eq__(self, other) -> bool:
    return type(self) is type(other) and vars(self) == vars(other)

  def fit(self, schedule: schedules.Schedule) -> schedules.Schedule:
    """Gives the schedule with the exact target of the granularity.

    Raises:
      InputError: the granularity or the allocation cannot have the target, or
        the first update comes before the criterion knows anything, or masks
        are to move while the sparsity rises.
    """
    moves = self.regrowth is not None and self.regrowth.keeps_sparsity
    if moves and schedule.initial_sparsity != schedule.target_sparsity:
      raise errors.InputError(
        f'regrowth {self.regrowth} keeps the sparsity, so the schedule must be '
        'CONSTANT, and not rise from initial_sparsity '
        f'{schedule.initial_sparsity} to target_sparsity '
        f'{schedule.target_sparsity}'
      )
    if moves:
      # Layers that are to have more than the target would rise towards that.
      schedule = schedules.ConstantSchedule(
        schedule.target_sparsity,
        schedule.start_step,
        schedule.end_step,
        schedule.frequency,
      )
    gathering.check_start('start_step', self.criterion, schedule.start_step)
    given = schedule.target_sparsity
    target = self.granularity.check_target('target_sparsity', given)
    self.allocation.check(target, self.granularity)
    for entry in self.layer_sparsities:
      if entry.target_sparsity:
        self.granularity.check_target(
          f'layer_sparsity of {entry.layer!r}', entry.target_sparsity
        )
    return schedule if target == given else schedule.with_target(target)

  def plan(
    self,
    schedule: schedules.Schedule,
    kernels: Sequence[masking.MaskedKernel],
  ) -> sparsity_plan.SparsityPlan:
    """Divides the target of a schedule among kernels.

    Args:
      schedule: has the target.
      kernels: in the graph of their network.

    Raises:
      InputError: a layer cannot have its target, or the granularity is not for
        kernels such as its own.
    """
    layers: List[allocations.Layer] = [
      allocations.Layer(
        kernel.layer, kernel.shape, self.granularity, kernel.view
      )
      for kernel in kernels
    ]
    plan = sparsity_plan.SparsityPlan(
      self.fit(schedule), layers, self.allocation, self.layer_sparsities
    )
    kernel_axes.check(kernels, plan.targets, self.granularity)
    return plan

  def check_network(
    self,
    schedule: schedules.Schedule,
    kernels: Sequence[masking.MaskedKernel],
  ) -> None:
    """Raises `InputError` where a network was not built as regrowth needs it.

    Args:
      schedule: of the masks.
      kernels: in the graph of a training.
    """
    if self.regrowth is not None and self.regrowth.is_soft:
      products = [kernel.masked_weight for kernel in kernels]
      soft_masks.check(products, schedule.end_step)

  def pruner(self, kernels: Sequence[masking.MaskedKernel]) -> pruner.Pruner:
    """Makes what changes the masks of kernels, in their graph."""
    return pruner.Pruner(kernels, self.criterion, self.granularity)

  def rewirer(
    self, kernels: Sequence[masking.MaskedKernel]
  ) -> Optional[rewirer.Rewirer]:
    """Makes what moves the masks of kernels; None where they do not move."""
    if not isinstance(self.regrowth, regrowths.Exchange):
      return None
    return rewirer.Rewirer(kernels, self.regrowth)


def _check_soft(
  regrowth: regrowths.Regrowth, criterion: criteria.WeightCriterion
) -> None:
  if isinstance(criterion, criteria.Random):
    others = [way for way in criteria.CRITERIA if way is not criteria.Random]
    raise errors.InputError(
      f'regrowth {regrowth} lets masks look at what masked weights have '
      f'learned, and criterion {criterion} looks at no weight: it must be one '
      f'of {", ".join(choices.forms(others))}'
    )


def _check_exchange(
  regrowth: regrowths.Exchange,
  criterion: criteria.WeightCriterion,
  granularity: granularities.Granularity,
) -> None:
  if granularity != granularities.Weight():
    raise errors.InputError(
      f'regrowth {regrowth} moves single weights, so granularity must be '
      f'{granularities.Weight.form}, got {granularity}'
    )
  if isinstance(criterion, criteria.GatheredCriterion):
    raise errors.InputError(
      f'regrowth {regrowth} drops the smallest weights, and criterion is for '
      f'the first masks alone: it must be {criteria.Magnitude.form} or '
      f'{criteria.Random.form}, got {criterion}'
    )
