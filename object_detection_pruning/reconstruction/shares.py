"""Which share of zeros each layer gets, from what a run knows of the layers."""

from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from object_detection_pruning.reconstruction import (
  allocation,
  kernel_layers,
  layer_times,
  layerwise,
)
from object_detection_pruning.reconstruction import request as requests
from object_detection_pruning.reconstruction import survey as surveys

LEVELS = (0.0,) + surveys.LEVELS


def most_share(request: requests.Request, times: np.ndarray) -> float:
  """Gives the largest share of the time that zeros can take away.

  Args:
    request: settings.
    times: seconds [layers, levels].
  """
  least = sum(_prices_of_times(row).min() for row in times)
  return min(1 - least / times[:, 0].sum(), request.most_sparsity)


def divide(
  request: requests.Request,
  layers: Sequence[kernel_layers.KernelLayer],
  survey: Callable[[], List[surveys.LayerSurvey]],
  times: Optional[np.ndarray] = None,
) -> Dict[str, float]:
  """Divides the zeros of a request among layers.

  Args:
    request: settings.
    layers: those to prune.
    survey: gives what zeros in each of the layers cost; it is called only where
      that matters.
    times: seconds of each layer at LEVELS, [layers, levels]; None where the
      target is not latency.

  Returns:
    Shares of zeros by the layer's constant; none where no zeros are asked for.

  Raises:
    InputError: no allocation takes away what is asked for.
  """
  if not request.sparsity:
    return {}
  if request.pattern.fixed_sparsity is not None:
    found = [
      request.pattern.sparsity(layerwise.shape_of(layer)) for layer in layers
    ]
  elif not request.needs_survey:
    found = [request.sparsity] * len(layers)
  else:
    surveyed = survey()
    prices = _prices(request.target, layers, surveyed, times)
    curves = [
      allocation.Curve(np.array(LEVELS), each.errors, each.costs, price)
      for each, price in zip(surveyed, prices)
    ]
    found = allocation.allocate(request.way, curves, request.sparsity)
  if request.pattern.fixed_sparsity is None:
    found = _rounded(request, layers, found)
  return {layer.constant: share for layer, share in zip(layers, found)}


def _prices(target, layers, found, times) -> List[np.ndarray]:
  """What is left of each layer at LEVELS, in the unit of the target."""
  if target == requests.LATENCY:
    return [_prices_of_times(row) for row in times]
  kept = 1 - np.array(LEVELS)
  if target == requests.MACS:
    return [
      layer.kernel.size * each.positions * kept
      for layer, each in zip(layers, found)
    ]
  return [layer.kernel.size * kept for layer in layers]


def _prices_of_times(row: np.ndarray) -> np.ndarray:
  """Levels at which a layer stays dense have one time, but for noise."""
  dense = np.array(LEVELS) < layer_times.FEWEST_ZEROS
  return np.where(dense, np.median(row[dense]), row)


def _rounded(request, layers, shares: List[float]) -> List[float]:
  if request.target == requests.WEIGHTS:
    sizes = [layer.kernel.size for layer in layers]
    return allocation.exact(shares, sizes, request.sparsity)
  if request.target == requests.LATENCY:
    fewest = layer_times.FEWEST_ZEROS
    # Between no zeros and the fewest, none makes a layer faster.
    return [
      max(share, request.pattern.share_of(fewest, layerwise.shape_of(layer)))
      if share >= fewest / 2
      else 0.0
      for layer, share in zip(layers, shares)
    ]
  return shares
