"""Prunes and refits the layers of a network, one after the other."""

from concurrent import futures
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np

from object_detection_pruning.common import progress
from object_detection_pruning.reconstruction import (
  kernel_layers,
  layerwise,
  least_squares,
  progress_file,
  report,
)
from object_detection_pruning.reconstruction import network as networks
from object_detection_pruning.reconstruction import request as requests
from object_detection_pruning.reconstruction import walk as walks


class LayerFitter:
  """Fits each layer to what the dense network gives, on what comes to it."""

  def __init__(
    self,
    layers: Sequence[kernel_layers.KernelLayer],
    chosen: Sequence[kernel_layers.KernelLayer],
    request: requests.Request,
    costs: Dict[str, np.ndarray],
    pool: futures.Executor,
  ):
    """Takes what is the same for all layers.

    Args:
      layers: all of the network that can be changed, in its order.
      chosen: those that may lose weights; the others are refitted only.
      request: settings.
      costs: of errors, from `output_cost`.
      pool: threads; a layer is solved while photos are carried on.
    """
    self._layers, self._request = list(layers), request
    self._chosen = {layer.constant for layer in chosen}
    self._costs, self._pool = costs, pool

  def fit(
    self,
    walk: walks.Walk,
    shares: Dict[str, float],
    supports: Dict[str, np.ndarray],
    kept: progress_file.Folder,
    title: str = 'layers pruned',
  ) -> Tuple[networks.Values, List[report.LayerResult]]:
    """Fits all layers.

    Args:
      walk: at the start.
      shares: of zeros, by the layer's constant.
      supports: the weights that stay where that is known, see `Pruner.refit`.
      kept: where finished layers are kept.
      title: of the progress bar.

    Returns:
      The values of all kernels and shifts by name, and a result for each layer.
    """
    results, passed = [], []
    changed = {constant for constant, share in shares.items() if share}
    stops = self._stops(changed.union(supports))
    for layer in progress.over(self._layers, title):
      error, rows = None, 0
      if layer.constant in stops:
        name = f'layer {len(results)}'
        fit = kept.load(name)
        if fit is None:
          # Values at borders are rounded, so a run that goes on makes the same
          # stops on the way as one that was not killed.
          while passed:
            walk.reach(passed.pop(0))
          solving = self._solve(walk, layer, shares, supports)
          walk.reach_dense(stops[layer.constant])
          fit = solving.result()
          kept.save(name, fit)
        else:
          passed.append(layer)
        walk.change(layer, fit)
        error, rows = fit.error, fit.rows
      results.append(
        report.LayerResult.of(
          layer.name,
          walk.values[layer.constant],
          error,
          pruned=layer.constant in self._chosen,
          rows=rows,
        )
      )
    return walk.values, results

  def problem(
    self, walk: walks.Walk, layer: kernel_layers.KernelLayer
  ) -> least_squares.Problem:
    """Gives the least squares of a layer, but for a depthwise one."""
    return layerwise.problem(
      layer,
      self._observed(walk, layer),
      self._costs.get(layer.constant),
      self._request.ridge,
    )

  def _stops(
    self, changed: Iterable[str]
  ) -> Dict[str, Optional[kernel_layers.KernelLayer]]:
    """Gives the layers to fit, by constant, each with the one after it.

    Args:
      changed: constants of the layers that lose weights.
    """
    stops = []
    for layer in self._layers:
      # What comes before the first of them sees what the dense network sees.
      if layer.constant in changed or (stops and self._request.refit_dense):
        stops.append(layer)
    return {
      layer.constant: following
      for layer, following in zip(stops, stops[1:] + [None])
    }

  def _solve(self, walk, layer, shares, supports) -> futures.Future:
    support = supports.get(layer.constant)
    if support is not None:
      support = support.reshape(layerwise.shape_of(layer).matrix)
    return self._pool.submit(
      layerwise.fit,
      layer,
      self._observed(walk, layer),
      shares.get(layer.constant, 0.0),
      self._request.pattern,
      self._costs.get(layer.constant),
      self._request.ridge,
      support=support,
    )

  def _observed(self, walk, layer):
    walk.reach(layer)
    return walk.observe(layer, self._request.max_rows)
