"""How many zeros each layer gets.

A layer has a curve: what its error costs at some shares of zeros. An allocation
reads a share for each layer off these curves so that all layers together keep
no more than a budget of nonzeros, multiply-adds or time.
"""

from typing import Callable, List, NamedTuple, Sequence

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.core import choices, vocabulary

_DENSE_COST = 0.02
_ROUNDING = 1e-9
_GRID = np.round(np.arange(0, 0.9951, 0.005), 4)


class Curve(NamedTuple):
  """Of a layer, at growing shares of zeros, the first of them 0.

  Attributes:
    sparsities: shares of zeros.
    errors: relative error of the outputs at each of them.
    costs: what the error costs at the outputs of the detector.
    prices: what is left of the layer in the unit of the budget: nonzeros,
      multiply-adds or seconds.
  """

  sparsities: np.ndarray
  errors: np.ndarray
  costs: np.ndarray
  prices: np.ndarray

  def price(self, sparsity: float) -> float:
    """Price at a share of zeros, between the points of the curve."""
    return float(np.interp(sparsity, self.sparsities, self.prices))


class Allocation(vocabulary.Division):
  """Reads the shares of zeros off the curves of all layers."""

  def shares(self, curves: Sequence[Curve], budget: float) -> List[float]:
    """Gives each layer its share of zeros.

    Args:
      curves: one for each layer.
      budget: the price that all layers together may have left.
    """
    raise NotImplementedError


class Uniform(vocabulary.Uniform, Allocation):
  def shares(self, curves, budget):
    return _bisect(
      lambda share: [min(share, c.sparsities[-1]) for c in curves],
      curves,
      budget,
    )


class EqualError(vocabulary.EqualError, Allocation):
  def shares(self, curves, budget):
    def at(bound: float) -> List[float]:
      # Bounds are tried on a logarithmic scale, where small ones differ too.
      bound = 10.0 ** (bound * 12 - 11)
      return [_last_below(c.sparsities, c.errors, bound) for c in curves]

    return _bisect(at, curves, budget)


class LeastCost(vocabulary.LeastCost, Allocation):
  """The least cost at the outputs of the detector.

  Steps down the convex hulls of cost over price, the cheapest step first.
  """

  def shares(self, curves, budget):
    steps = []
    shares = [0.0] * len(curves)
    left = sum(curve.prices[0] for curve in curves)
    for number, curve in enumerate(curves):
      grid, costs, prices = _fine(curve)
      hull = _lower_hull(prices, costs)
      for start, end in zip(hull, hull[1:]):
        slope = (costs[end] - costs[start]) / (prices[start] - prices[end])
        path = slice(start, end + 1)
        steps.append((slope, number, grid[path], prices[path]))
    # Of a hull the slopes grow, so a layer's steps come in their order.
    for _, number, grid, prices in sorted(steps, key=lambda s: s[:2]):
      if left <= budget:
        break
      price = max(prices[-1], prices[0] - (left - budget))
      shares[number] = _first_at(grid, prices, price)
      left -= prices[0] - price
    return shares


ALLOCATIONS = (Uniform, EqualError, LeastCost)


def find(text: str, name: str = 'allocation') -> Allocation:
  """Gives the allocation that a text stands for, or raises `InputError`."""
  return choices.find(name, text, ALLOCATIONS, vocabulary.DIVISIONS)


def allocate(
  way: Allocation, curves: Sequence[Curve], share: float
) -> List[float]:
  """Gives each layer its share of zeros.

  Args:
    way: how they are divided.
    curves: one for each layer.
    share: the part of the price of the dense layers that goes, in [0, 1).

  Returns:
    Shares of zeros, in the order of the curves.

  Raises:
    InputError: the layers cannot come down to the budget.
  """
  dense = sum(curve.prices[0] for curve in curves)
  least = sum(min(curve.prices) for curve in curves)
  check_share(share, 1 - least / dense)
  return way.shares(curves, (1 - share) * dense)


def check_share(share: float, most: float) -> None:
  """Raises `InputError` for a share of the price that no allocation reaches."""
  if share > most + _ROUNDING:
    raise errors.InputError(
      f'no allocation takes away {share:.1%}: at most {most:.1%} can go, with '
      'each layer at its highest sparsity'
    )


def exact(
  shares: Sequence[float], sizes: Sequence[int], sparsity: float
) -> List[float]:
  """Rounds shares so that all layers together have an exact number of zeros.

  Args:
    shares: of zeros, of each layer.
    sizes: number of weights of each layer.
    sparsity: of all layers together.

  Returns:
    Shares whose zeros, rounded for each layer, add up to
    round(sparsity * all weights).
  """
  zeros = [int(round(s * size)) for s, size in zip(shares, sizes)]
  missing = int(round(sparsity * sum(sizes))) - sum(zeros)
  # Large layers feel a few weights least.
  for number in np.argsort([-size for size in sizes], kind='stable'):
    change = min(max(missing, -zeros[number]), sizes[number] - zeros[number])
    zeros[number] += change
    missing -= change
  return [z / size for z, size in zip(zeros, sizes)]


def _first_at(grid: np.ndarray, prices: np.ndarray, price: float) -> float:
  """The first share at which the price is down to one that is reached."""
  end = int(np.argmax(prices <= price))
  # In between it may have been higher than at the start.
  return float(
    np.interp(-price, -prices[end - 1 : end + 1], grid[end - 1 : end + 1])
  )


def _last_below(
  sparsities: np.ndarray, values: np.ndarray, bound: float
) -> float:
  grown = np.maximum.accumulate(values)
  if bound >= grown[-1]:
    return float(sparsities[-1])
  return float(np.interp(bound, grown, sparsities))


def _fine(curve: Curve):
  """A finer curve: costs grow by factors rather than by amounts."""
  grid = _GRID[curve.sparsities[-1] >= _GRID]
  grid = np.union1d(grid, curve.sparsities)
  costs = np.maximum(curve.costs, 1e-30)
  # A dense layer costs nothing, which has no logarithm.
  costs[0] = max(costs[0], _DENSE_COST * costs[1])
  costs = np.maximum.accumulate(costs)
  fine = np.exp(np.interp(grid, curve.sparsities, np.log(costs)))
  return grid, fine, np.interp(grid, curve.sparsities, curve.prices)


def _lower_hull(prices: np.ndarray, costs: np.ndarray) -> List[int]:
  """Points of the lower convex hull, from the highest price to the lowest."""
  hull: List[int] = []
  for point in range(len(prices)):
    if hull and prices[point] >= prices[hull[-1]]:
      # It costs more and saves nothing, as sparse kernels do at first.
      continue
    while len(hull) > 1 and _is_above(hull[-2], hull[-1], point, prices, costs):
      hull.pop()
    hull.append(point)
  return hull


def _is_above(a: int, b: int, c: int, prices, costs) -> bool:
  return (costs[b] - costs[a]) * (prices[a] - prices[c]) >= (
    costs[c] - costs[a]
  ) * (prices[a] - prices[b])


def _bisect(
  at: Callable[[float], List[float]],
  curves: Sequence[Curve],
  budget: float,
) -> List[float]:
  low, high = 0.0, 1.0
  for _ in range(60):
    middle = (low + high) / 2
    price = sum(c.price(s) for c, s in zip(curves, at(middle)))
    low, high = (middle, high) if price > budget else (low, middle)
  return at(high)
