"""Zeros of each layer so that all layers together have an exact number.

Each zero has the same price. At a price, a layer takes the number of zeros
that is best for it alone; the price is searched at which all come just below
the total, and what is missing goes where it loses least. At last, pairs of
layers exchange zeros as long as they gain by it.
"""

import itertools
import math
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.core import thresholds
from object_detection_pruning.sensitivity import results

_LOWEST_PRICE, _HIGHEST_PRICE = 1e-9, 1e9
_BISECTIONS = 60
_SWEEPS = 10
# Less is rounding.
_GAIN = 1e-9
# Where curves are flat, layers get equal shares rather than all or nothing. It
# is far below what an evaluation can tell.
_UNEVEN = 1e-5


class _Layer(NamedTuple):
  """A layer and the numbers of zeros that it may have.

  Attributes:
    curve: what it loses.
    size: number of weights.
    part: of the weights of all layers.
    numbers: ascending, in steps of a hundredth or less, with those measured.
  """

  curve: results.Curve
  size: int
  part: float
  numbers: np.ndarray

  def costs(self, numbers: Sequence[int]) -> np.ndarray:
    """Gives what numbers of zeros cost."""
    ratios = np.asarray(numbers) / self.size
    losses = np.maximum(self.curve.losses, 0)
    return (
      np.interp(ratios, self.curve.ratios, losses)
      + _UNEVEN * self.part * ratios**2
    )


def divide(
  curves: Dict[str, results.Curve], sizes: Dict[str, int], sparsity: float
) -> Dict[str, int]:
  """Gives each layer its number of zeros, with the least sum of losses.

  Args:
    curves: what each layer loses, by name.
    sizes: number of weights, by name.
    sparsity: of all these layers together.

  Returns:
    Numbers by name; their sum is round(sparsity * all weights).

  Raises:
    InputError: it needs larger ratios than were measured.
  """
  size = sum(sizes[name] for name in curves)
  layers = [_layer(curves[name], sizes[name], size) for name in curves]
  total = thresholds.zeros_for(sparsity, size)
  most = sum(int(layer.numbers[-1]) for layer in layers)
  if total > most:
    raise errors.InputError(
      f'the sparsity {sparsity} cannot be reached: it is {most / size:.4f} '
      'with the largest ratios that were measured'
    )
  found = _filled(layers, _below(layers, total), total)
  return dict(zip(curves, _exchanged(layers, found)))


def _layer(curve: results.Curve, size: int, all_weights: int) -> _Layer:
  grid = np.arange(101) / 100 * curve.ratios[-1]
  ratios = np.union1d(grid, curve.ratios)
  numbers = np.unique(np.floor(size * ratios + 1e-6).astype(np.int64))
  return _Layer(curve, size, size / all_weights, numbers)


def _below(layers: List[_Layer], total: int) -> List[int]:
  """The numbers at the highest price of a weight that stays below a total."""
  below = [0] * len(layers)
  low, high = _LOWEST_PRICE, _HIGHEST_PRICE
  for _ in range(_BISECTIONS):
    # Prices lie orders of magnitude apart.
    price = math.sqrt(low * high)
    found = [_best(layer, price) for layer in layers]
    if sum(found) <= total:
      low, below = price, found
    else:
      high = price
  return below


def _best(layer: _Layer, price: float) -> int:
  shares = layer.numbers / layer.size * layer.part
  totals = layer.costs(layer.numbers) - price * shares
  return int(layer.numbers[np.argmin(totals)])


def _filled(layers: List[_Layer], numbers: List[int], total: int) -> List[int]:
  """Adds the zeros that are missing, each time where one costs least."""
  result = list(numbers)
  missing = total - sum(result)
  while missing:
    steps = [
      _step(layer, number, missing) + (place,)
      for place, (layer, number) in enumerate(zip(layers, result))
      if number < layer.numbers[-1]
    ]
    _, number, place = min(steps)
    missing -= number - result[place]
    result[place] = number
  return result


def _step(layer: _Layer, number: int, missing: int) -> Tuple[float, int]:
  """The cost of a zero, and the number, of a layer's cheapest step upwards."""
  last = min(number + missing, int(layer.numbers[-1]))
  inside = (layer.numbers > number) & (layer.numbers < last)
  numbers = np.append(layer.numbers[inside], last)
  rates = (layer.costs(numbers) - layer.costs([number])) / (numbers - number)
  best = int(np.argmin(rates))
  return float(rates[best]), int(numbers[best])


def _exchanged(layers: List[_Layer], numbers: List[int]) -> List[int]:
  """Moves zeros from one layer to another as long as that costs less."""
  result = list(numbers)
  for _ in range(_SWEEPS):
    before = list(result)
    for giver, taker in itertools.permutations(range(len(layers)), 2):
      moved = _gift(layers[giver], result[giver], layers[taker], result[taker])
      result[giver] -= moved
      result[taker] += moved
    if result == before:
      break
  return result


def _gift(giver: _Layer, gives: int, taker: _Layer, takes: int) -> int:
  """The number of zeros that cost least in the other layer; often 0."""
  most = min(gives, int(taker.numbers[-1]) - takes)
  found = np.concatenate([gives - giver.numbers, taker.numbers - takes])
  moved = np.append(found[(found > 0) & (found <= most)], most)
  costs = giver.costs(gives - moved) + taker.costs(takes + moved)
  now = giver.costs([gives])[0] + taker.costs([takes])[0]
  best = int(np.argmin(costs))
  return int(moved[best]) if costs[best] < now - _GAIN else 0
