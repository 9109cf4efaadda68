"""Which channels go: by ratio, by rank over groups, or to reach a target."""

import json
import os
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.channels import groups
from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import layer_patterns

Removed = Dict[str, np.ndarray]
_SEARCH_STEPS = 20


class Bounds(NamedTuple):
  """What must stay of each group.

  Attributes:
    round_to: the number kept is a multiple of this, where a group has as many.
    min_channels: at least these stay, rounded up to such a multiple; None for
      no bound, in which case emptying a group is an error of the plan.
  """

  round_to: int = 1
  min_channels: Optional[int] = None

  def check(self) -> 'Bounds':
    """Returns itself, or raises `InputError`."""
    checks.count('round_to', self.round_to)
    if self.min_channels is not None:
      checks.count('min_channels', self.min_channels)
    return self

  def kept(self, size: int, wanted: float) -> int:
    """Gives how many of `size` channels stay where `wanted` should.

    A group of which less than half a channel should go stays whole.
    """
    if int(round(wanted)) >= size:
      return size
    kept = int(round(wanted / self.round_to))
    least = -(-(self.min_channels or 0) // self.round_to)
    if self.round_to > 1:
      least = max(least, 1)
    return min(size, max(kept, least) * self.round_to)


def candidates(
  channels: groups.Channels,
  include: Sequence[str] = (),
  exclude: Sequence[str] = (),
) -> List[groups.ChannelGroup]:
  """Lists the groups that may be pruned.

  Args:
    channels: of the network.
    include: patterns; a group counts if one is found in the name of any of its
      layers. None at all means every group.
    exclude: patterns of groups to leave alone.

  Raises:
    InputError: a pattern is broken or matches nothing, or only what cannot go,
      in which case the line says why.
  """
  layers = [layer for group in channels.groups for layer in group.layers]
  layer_patterns.check_each_found(include, exclude, layers)
  for pattern in include:
    hits = [
      group
      for group in channels.groups
      if layer_patterns.found_in_any([pattern], group.layers)
    ]
    if all(group.reason for group in hits):
      raise errors.InputError(
        f'include pattern {pattern!r} finds no channels that can go: '
        f'{hits[0].name} stays, {hits[0].reason}'
      )
  found = [
    group
    for group in channels.prunable
    if layer_patterns.is_chosen(include, exclude, group.layers)
  ]
  if not found:
    blocked = next((g for g in channels.groups if g.reason), None)
    detail = f'; {blocked.name} stays: {blocked.reason}' if blocked else ''
    raise errors.InputError(f'no channels are left to prune{detail}')
  return found


def uniform(
  scores: Dict[str, np.ndarray], ratio: float, bounds: Bounds
) -> Removed:
  """Takes the same share of every group."""
  return per_group(scores, dict.fromkeys(scores, ratio), bounds)


def per_group(
  scores: Dict[str, np.ndarray], ratios: Dict[str, float], bounds: Bounds
) -> Removed:
  """Takes the weakest channels of each group, in a share of its own.

  Args:
    scores: importance, float [channels], by group.
    ratios: share that goes, by group; one that is not named stays whole.
    bounds: what must stay.

  Returns:
    Sorted indices of the channels that go, by group.
  """
  return {
    name: _weakest(
      scores[name],
      bounds.kept(len(scores[name]), len(scores[name]) * (1 - ratio)),
    )
    for name, ratio in ratios.items()
  }


def ranked(
  scores: Dict[str, np.ndarray], ratio: float, bounds: Bounds
) -> Removed:
  """Takes a share of all channels, the weakest wherever they are.

  Of channels that score the same, groups lose the same share of theirs. A group
  keeps one channel at least.
  """
  order = {name: np.argsort(scores[name], kind='stable') for name in scores}
  everything = np.concatenate([scores[name][order[name]] for name in scores])
  shares = np.concatenate([np.arange(len(o)) / len(o) for o in order.values()])
  owners = np.repeat(np.arange(len(order)), [len(o) for o in order.values()])
  count = int(round(ratio * len(everything)))
  first = np.lexsort((shares, everything))[:count]
  lost = np.bincount(owners[first], minlength=len(order))
  bounds = bounds._replace(min_channels=bounds.min_channels or 1)
  return {
    name: _weakest(values, bounds.kept(len(values), len(values) - number))
    for (name, values), number in zip(scores.items(), lost)
  }


def to_target(
  select: Callable[[float], Removed],
  measure: Callable[[Removed], float],
  target: float,
  steps: int = _SEARCH_STEPS,
) -> Removed:
  """Finds the least ratio at which a measure is at or under its target.

  Args:
    select: gives what goes at a ratio.
    measure: gives the share of the dense network's cost that is left.
    target: of the measure, in (0, 1).
    steps: halvings of the interval.

  Raises:
    InputError: the target cannot be reached.
  """
  low, high = 0.0, 1.0
  best = select(high)
  least = measure(best)
  if least > target:
    raise errors.InputError(
      f'the target {target} cannot be reached: {least:.4f} is left at least, '
      'with what is excluded and must stay'
    )
  for _ in range(steps):
    middle = (low + high) / 2
    found = select(middle)
    if measure(found) <= target:
      high, best = middle, found
    else:
      low = middle
  return best


def read_ratios(path: str) -> Dict[str, float]:
  """Reads ratios of single groups: a JSON object of layer pattern to ratio.

  Raises:
    InputError: the file is none, a pattern is broken, or a ratio is out of
      range.
  """
  if not os.path.isfile(path):
    tip = ''
    if _is_number(path):
      tip = f': for one ratio of all groups give --ratio={path}'
    raise errors.InputError(
      '--ratios_path must be a JSON file of layer pattern to ratio, got '
      f'{path!r}{tip}'
    )
  try:
    with open(path) as file:
      entries = json.load(file)
  except ValueError as error:
    raise errors.InputError(f'{path} is no JSON: {error}')
  if not isinstance(entries, dict) or not entries:
    raise errors.InputError(
      f'{path} must be a JSON object of layer pattern to ratio'
    )
  for pattern, ratio in entries.items():
    if not isinstance(ratio, (int, float)):
      raise errors.InputError(f'{path}: {pattern} must be a number: {ratio!r}')
    checks.fraction(f'{path}: {pattern}', ratio)
    layer_patterns.check(path, [pattern])
  return {pattern: float(ratio) for pattern, ratio in entries.items()}


def ratio_of_each(
  ratios: Dict[str, float], chosen: Sequence[groups.ChannelGroup]
) -> Dict[str, float]:
  """Gives the ratio of each group that a pattern names, by its name.

  Of several patterns that match a group the first one counts.

  Raises:
    InputError: a pattern matches nothing.
  """
  result: Dict[str, float] = {}
  for pattern, ratio in ratios.items():
    hits = [
      group.name
      for group in chosen
      if layer_patterns.found_in_any([pattern], group.layers)
    ]
    if not hits:
      raise errors.InputError(
        f'ratios: the pattern {pattern!r} is found in no layer that may be '
        'pruned'
      )
    for name in hits:
      result.setdefault(name, ratio)
  return result


def _is_number(text: str) -> bool:
  try:
    float(text)
  except ValueError:
    return False
  return True


def _weakest(values: np.ndarray, kept: int) -> np.ndarray:
  order = np.argsort(values, kind='stable')
  return np.sort(order[: len(values) - kept])
