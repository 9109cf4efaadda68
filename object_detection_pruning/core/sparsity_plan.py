"""How many weights of each kernel are zero at each step."""

from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  layer_patterns,
  schedules,
  thresholds,
)


class SparsityPlan:
  """A schedule, divided among the masked kernels of a network.

  Layers with a target of their own have it; the others share the target of the
  schedule, as their allocation says. All follow the schedule together: at each
  step every layer has gone the same part of its way. None goes back behind what
  `keep` was told.

  Attributes:
    layers: the kernels.
    needs_scores: whether `zeros_at` needs the scores of the weights.
    own_targets: names of the layers with a target of their own.
    targets: of each kernel; None where scores decide.
  """

  def __init__(
    self,
    schedule: schedules.Schedule,
    layers: Sequence[allocation.Layer],
    way: allocation.Allocation,
    layer_sparsities: Sequence[allocation.LayerSparsity] = (),
  ):
    """Divides the target.

    Args:
      schedule: that of all layers without a target of their own.
      layers: the masked kernels.
      way: how zeros are divided.
      layer_sparsities: targets of single layers; of several patterns that are
        found in a layer the first one counts.

    Raises:
      InputError: no masked layer answers to an entry, or the layers cannot
        have such a sparsity.
    """
    self.layers = list(layers)
    self._least = [0] * len(self.layers)
    self._schedule = schedule
    self._way = way
    own = _own_targets(layers, layer_sparsities)
    self.own_targets = [
      layer.name for layer, each in zip(layers, own) if each is not None
    ]
    self._shared = [number for number, each in enumerate(own) if each is None]
    self.needs_scores = way.needs_scores and bool(self._shared)
    for layer, target in zip(layers, own):
      if target:
        layer.pattern.check_target(f'layer_sparsity of {layer.name}', target)
    if self._shared and not self.needs_scores:
      shared = [layers[number] for number in self._shared]
      targets = way.sparsities(schedule.target_sparsity, shared)
      for number, target in zip(self._shared, targets):
        own[number] = target
    if self.needs_scores:
      # Else it would show at an update, when most of the training is done.
      way.total(
        schedule.target_sparsity, [layers[number] for number in self._shared]
      )
    self.targets = own
    # None where the scores of the weights decide.
    self._schedules: List[Optional[schedules.Schedule]] = [
      None if target is None else schedule.with_target(target) for target in own
    ]

  def keep(self, zeros: Sequence[int]) -> None:
    """Lets no layer have fewer zeros than these, whatever the schedule says.

    Args:
      zeros: of each mask before the first update, as a pruned checkpoint has
        them.

    Raises:
      InputError: a layer cannot have as many in its pattern.
    """
    self._least = [
      layer.zeros_from(count) for layer, count in zip(self.layers, zeros)
    ]
    if not self.needs_scores:
      self._divide_again()

  def _divide_again(self) -> None:
    """Takes from layers that share the target what others keep beyond it."""
    free = self._shared
    size = sum(self.layers[number].size for number in free)
    due = thresholds.zeros_for(self._schedule.target_sparsity, size)
    while free:
      layers = [self.layers[number] for number in free]
      if layers[0].pattern.fixed_sparsity is not None:
        return
      share = max(0, due) / sum(layer.size for layer in layers)
      targets = self._way.sparsities(share, layers)
      beyond = {
        number
        for number, layer, target in zip(free, layers, targets)
        if layer.zeros_for(target) < self._least[number]
      }
      if not beyond:
        for number, target in zip(free, targets):
          self._schedules[number] = self._schedule.with_target(target)
        return
      due -= sum(self._least[number] for number in beyond)
      free = [number for number in free if number not in beyond]

  def is_ahead(self, zeros: Sequence[int], step: int) -> bool:
    """Tells whether masks have what is due, or more that will be due later.

    Where scores decide that is not known, and it is not so.

    Args:
      zeros: number of zeros in each mask.
      step: of the last update.
    """
    if self.needs_scores:
      return False
    now, last = self.zeros_at(step), self.zeros_at(self._schedule.end_step)
    return all(a <= b <= c for a, b, c in zip(now, zeros, last))

  def zeros_at(
    self, step: int, scores: Optional[Sequence[np.ndarray]] = None
  ) -> List[int]:
    """Gives the number of zeros of each kernel that is due at a step.

    Args:
      step: global step.
      scores: of the weights, float32 in the shape of each kernel, if
        `needs_scores`.
    """
    zeros = [
      0 if own is None else layer.zeros_for(own.sparsity(step))
      for layer, own in zip(self.layers, self._schedules)
    ]
    if self.needs_scores:
      shared = self._by_scores(self._schedule.sparsity(step), scores)
      for number, count in shared.items():
        zeros[number] = count
    return [max(pair) for pair in zip(zeros, self._least)]

  def _by_scores(
    self, sparsity: float, scores: Sequence[np.ndarray]
  ) -> Dict[int, int]:
    """Divides zeros by scores; who keeps more than its part leaves less.

    Args:
      sparsity: of all layers that share it.
      scores: of the weights of all layers.

    Returns:
      Number of zeros by number of the layer.
    """
    bound = self._way.max_layer_sparsity
    # What has more than it may get keeps that, and leaves the rest to others.
    zeros = {
      number: self._least[number]
      for number in self._shared
      if self._least[number] > self.layers[number].most(bound)
    }
    free = [number for number in self._shared if number not in zeros]
    due = self._due_by_scores(sparsity) - sum(zeros.values())
    while free:
      size = sum(self.layers[number].size for number in free)
      found = self._way.zeros(
        due / size,
        [self.layers[number] for number in free],
        [scores[number] for number in free],
      )
      kept = {
        number: self._least[number]
        for number, count in zip(free, found)
        if count < self._least[number]
      }
      if not kept:
        zeros.update(zip(free, found))
        break
      zeros.update(kept)
      due -= sum(kept.values())
      free = [number for number in free if number not in kept]
    return zeros

  def _due_by_scores(self, sparsity: float) -> int:
    """Gives how many zeros the layers have together that scores divide."""
    size = sum(self.layers[number].size for number in self._shared)
    least = sum(self._least[number] for number in self._shared)
    return max(least, thresholds.zeros_for(sparsity, size))

  def sparsity_at(self, step: int) -> float:
    """Gives the fraction of zeros over all layers that is due at a step."""
    total = sum(
      max(layer.zeros_for(own.sparsity(step)), least)
      for layer, own, least in zip(self.layers, self._schedules, self._least)
      if own is not None
    )
    if self.needs_scores:
      total += self._due_by_scores(self._schedule.sparsity(step))
    return total / sum(layer.size for layer in self.layers)

  def sparsity_tensor(self, step: tf.Tensor) -> tf.Tensor:
    """Gives `sparsity_at` of an integer scalar tensor, as a float32 scalar.

    Numbers of zeros are not rounded to whole ones, and what masks began with
    does not count.
    """
    parts = [
      layer.size * (own or self._schedule).sparsity_tensor(step)
      for layer, own in zip(self.layers, self._schedules)
    ]
    return tf.add_n(parts) / sum(layer.size for layer in self.layers)

  def holds(self, zeros: Sequence[int], step: int) -> bool:
    """Tells whether masks have what was due at a step.

    Of what scores decide only the sum is known, since the weights that were
    scored have changed.

    Args:
      zeros: number of zeros in each mask.
      step: of the last update.
    """
    if not self.needs_scores:
      return list(zeros) == self.zeros_at(step)
    own = [n for n in range(len(self.layers)) if n not in self._shared]
    due = self._due_by_scores(self._schedule.sparsity(step))
    return sum(zeros[number] for number in self._shared) == due and all(
      zeros[n]
      == max(
        self._least[n],
        self.layers[n].zeros_for(self._schedules[n].sparsity(step)),
      )
      for n in own
    )


def table(layers: Sequence[allocation.Layer], zeros: Sequence[int]) -> str:
  """Lists kernels and their zeros, and the sum of all.

  Args:
    layers: the kernels.
    zeros: number of zeros of each.
  """
  rows = [('layer', 'kernel', 'weights', 'zeros', 'sparsity')]
  for layer, count in zip(layers, zeros):
    rows.append(_row(layer.name, layer.shape, layer.size, count))
  size = sum(layer.size for layer in layers)
  rows.append(_row(f'all {len(layers)} masked kernels', (), size, sum(zeros)))
  widths = [max(map(len, column)) for column in zip(*rows)]
  return '\n'.join(
    '  '.join(
      cell.ljust(width) if number < 2 else cell.rjust(width)
      for number, (cell, width) in enumerate(zip(row, widths))
    )
    for row in rows
  )


def _row(
  name: str, shape: Sequence[int], size: int, zeros: int
) -> Tuple[str, ...]:
  kernel = 'x'.join(map(str, shape))
  return name, kernel, f'{size:,}', f'{zeros:,}', f'{zeros / size:.4f}'


def _own_targets(
  layers: Sequence[allocation.Layer],
  layer_sparsities: Sequence[allocation.LayerSparsity],
) -> List[Optional[float]]:
  """Gives the target that each layer has of its own, None where it has none."""
  allocation.check(layer_sparsities)
  names = [layer.name for layer in layers]
  idle = layer_patterns.unmatched(
    [entry.layer for entry in layer_sparsities], names
  )
  if idle:
    raise errors.InputError(
      f'layer_sparsity {idle[0]!r} is found in no masked layer; '
      f'masked are: {layer_patterns.listed(names)}'
    )
  return [
    next(
      (
        entry.target_sparsity
        for entry in layer_sparsities
        if layer_patterns.found([entry.layer], name)
      ),
      None,
    )
    for name in names
  ]
