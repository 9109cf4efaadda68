"""How much each layer is to lose, from what is asked for and its curve."""

import math
from typing import Dict, Iterable, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.channels import plan as plans
from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.common import checks, errors
from object_detection_pruning.sensitivity import costs as costs_lib
from object_detection_pruning.sensitivity import exact_total, results

Bounds = channel_selection.Bounds
_BISECTIONS = 24
_ROUNDS = 20
_LOWEST_PRICE, _HIGHEST_PRICE = 1e-6, 1e6


class Choice(NamedTuple):
  """What goes, and what that promises.

  Attributes:
    removed: number of channels or weights that go, by layer.
    losses: by layer, that of its curve.
    cost: what is left.
    dense_cost: what there was.
  """

  removed: Dict[str, int]
  losses: Dict[str, float]
  cost: plans.Cost
  dense_cost: plans.Cost

  @property
  def summed_loss(self) -> float:
    """The losses of all layers, in sum."""
    return sum(self.losses.values())


class Target(NamedTuple):
  """What is asked for; `metric_loss`, `measure` or `sparsity` is set.

  Attributes:
    metric_loss: most that each group alone may lose, as a share of the metric.
    measure: `params` or `macs`, of which `share` is to be left.
    share: in (0, 1).
    sparsity: of the chosen layers together, in (0, 1); of single weights alone.
    bounds: what must stay of each group.
    include: patterns of layers.
    exclude: patterns of layers.
  """

  metric_loss: Optional[float] = None
  measure: Optional[str] = None
  share: Optional[float] = None
  sparsity: Optional[float] = None
  bounds: Bounds = Bounds()
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()


TARGETS = ('eval_metric_loss', 'target_macs', 'target_params')
# Of what has an exact number of zeros.
TARGETS_OF_WEIGHTS = ('eval_metric_loss', 'sparsity') + TARGETS[1:]


def target_from(
  given: Dict[str, float], offered: Sequence[str] = TARGETS, **more
) -> Target:
  """Gives the target that flags describe.

  Args:
    given: one of the flags that are offered, and its value.
    offered: `TARGETS` or `TARGETS_OF_WEIGHTS`.
    **more: other fields of the target.

  Raises:
    InputError: there is not just one, or it is out of range.
  """
  if len(given) != 1:
    names = [f'--{name}' for name in offered]
    raise errors.InputError(
      f'give one of {", ".join(names[:-1])} and {names[-1]}, got {len(given)}'
    )
  ((name, value),) = given.items()
  if name == 'sparsity':
    checks.fraction('--sparsity', value)
    return Target(sparsity=value, **more)
  if name != 'eval_metric_loss':
    checks.fraction(f'--{name}', value)
    return Target(measure=name.rpartition('_')[2], share=value, **more)
  if not value >= 0:
    raise errors.InputError(f'--{name} must be 0 or more, got {value}')
  return Target(metric_loss=value, **more)


class _Option(NamedTuple):
  """What a layer may lose.

  Attributes:
    numbers: of channels or weights that go, ascending.
    losses: at these.
    costs: those that the layer has a part in.
  """

  numbers: np.ndarray
  losses: np.ndarray
  costs: costs_lib.Costs


class Chooser:
  """Chooses for one analysis."""

  def __init__(
    self,
    found: results.Results,
    bounds: Optional[Bounds] = None,
    names: Optional[Iterable[str]] = None,
  ):
    """Makes a chooser.

    Args:
      found: what was measured.
      bounds: what must stay of each group; None for one channel.
      names: of the layers that may lose something; None for all measured.

    Raises:
      InputError: nothing was measured.
    """
    if found.baseline is None or not found.measured:
      raise errors.InputError('the sensitivities hold no point yet')
    self._found = found
    bounds = bounds or Bounds()
    self._bounds = bounds._replace(min_channels=bounds.min_channels or 1)
    self._curves = {
      name: curve
      for name, curve in found.curves().items()
      if names is None or name in set(names)
    }
    if not self._curves:
      raise errors.InputError('the sensitivities hold none of these layers')
    self._dense = found.costs.left({})
    self._sizes = {layer.name: layer.size for layer in found.layers}

  def by_loss(self, bound: float) -> Choice:
    """Takes the largest ratio of each layer whose loss is within a bound.

    Raises:
      InputError: the bound is below 0.
    """
    if not bound >= 0:
      raise errors.InputError(
        f'eval_metric_loss must be 0 or more, got {bound}'
      )
    return self._choice(
      {
        name: self._allowed(name, curve.largest_ratio(bound))
        for name, curve in self._curves.items()
      }
    )

  def by_cost(self, measure: str, share: float) -> Choice:
    """Reaches a target with the least summed loss.

    What is left has a price. Layer after layer takes what is cheapest in loss
    and price together, the others being as they are, until none changes. The
    least price that reaches the target is searched, and then what the target
    does not need is given back.

    Args:
      measure: `params` or `macs`.
      share: what is to be left, in (0, 1).

    Raises:
      InputError: it is not reached with the largest ratios measured.
    """
    checks.fraction(f'target_{measure}', share)
    options = {name: self._options(name) for name in self._curves}
    most = {name: option.numbers[-1] for name, option in options.items()}
    least = self._share(measure, most)
    if least > share:
      raise errors.InputError(
        f'the target {share} cannot be reached: {least:.4f} of the {measure} '
        'is left with the largest ratios that were measured'
      )
    best = most
    low, high = 0.0, _HIGHEST_PRICE
    for _ in range(_BISECTIONS):
      # Prices lie orders of magnitude apart.
      price = math.sqrt(max(low, _LOWEST_PRICE) * high)
      found = self._at_price(price, measure, options)
      if self._share(measure, found) <= share:
        high = price
        best = min(best, found, key=self._summed)
      else:
        low = price
    return self._choice(self._give_back(best, measure, options, share))

  def by_sparsity(self, sparsity: float) -> Choice:
    """Gives all layers together an exact share of zeros, with the least loss.

    Args:
      sparsity: of these layers together, in (0, 1).

    Raises:
      InputError: it is not reached with the largest ratios measured.
    """
    checks.fraction('sparsity', sparsity)
    return self._choice(exact_total.divide(self._curves, self._sizes, sparsity))

  def _at_price(self, price: float, measure: str, options) -> Dict[str, int]:
    found = []
    for end in (0, -1):
      removed = {name: option.numbers[end] for name, option in options.items()}
      for _ in range(_ROUNDS):
        before = dict(removed)
        for name, option in options.items():
          left = option.costs.left(dict(removed, **{name: option.numbers}))
          totals = option.losses + price * (
            getattr(left, measure) / getattr(self._dense, measure)
          )
          removed[name] = option.numbers[np.argmin(totals)]
        if removed == before:
          break
      found.append(removed)
    return min(
      found, key=lambda r: self._summed(r) + price * self._share(measure, r)
    )

  def _give_back(self, removed, measure: str, options, share: float) -> dict:
    result = dict(removed)
    for name in sorted(result, key=lambda n: -self._loss(n, result[n])):
      option = options[name]
      shares = self._share(measure, dict(result, **{name: option.numbers}))
      losses = np.where(shares <= share, option.losses, np.inf)
      if losses.min() < self._loss(name, result[name]):
        result[name] = option.numbers[np.argmin(losses)]
    return result

  def _options(self, name: str) -> '_Option':
    """Lists how many may go, in steps of a hundredth or less."""
    ratios = np.arange(101) / 100 * self._curves[name].ratios[-1]
    numbers = np.unique([self._allowed(name, ratio) for ratio in ratios])
    losses = np.array([self._loss(name, number) for number in numbers])
    return _Option(numbers, losses, self._found.costs.of(name))

  def _share(self, measure: str, removed):
    left, dense = self._found.costs.left(removed), self._dense
    return getattr(left, measure) / getattr(dense, measure)

  def _allowed(self, name: str, ratio: float) -> int:
    return self._rounded(name, math.floor(self._sizes[name] * ratio + 1e-6))

  def _rounded(self, name: str, removed: int) -> int:
    """Keeps more where what is kept must be a multiple."""
    size, unit = self._sizes[name], self._bounds.round_to
    fewest = max(size - removed, self._bounds.min_channels)
    return size - min(size, math.ceil(fewest / unit) * unit)

  def _loss(self, name: str, removed: int) -> float:
    return self._curves[name].loss(removed / self._sizes[name])

  def _summed(self, removed: Dict[str, int]) -> float:
    return sum(self._loss(name, number) for name, number in removed.items())

  def _choice(self, removed: Dict[str, int]) -> Choice:
    removed = {name: int(number) for name, number in removed.items()}
    return Choice(
      removed,
      {name: self._loss(name, number) for name, number in removed.items()},
      self._found.costs.left(removed),
      self._dense,
    )


def choose(
  found: results.Results,
  target: Target,
  names: Optional[Sequence[str]] = None,
) -> Choice:
  """Chooses how much of each layer goes.

  Args:
    found: what was measured.
    target: what is asked for.
    names: of the layers that may lose something; None for all measured.
  """
  chooser = Chooser(found, target.bounds, names)
  if target.sparsity is not None:
    return chooser.by_sparsity(target.sparsity)
  if target.measure:
    return chooser.by_cost(target.measure, target.share)
  return chooser.by_loss(target.metric_loss)
