"""Moments of a layer over all photos, at all sites of its kernel."""

from typing import Dict, List, NamedTuple, Optional

import numpy as np

from object_detection_pruning.reconstruction import (
  depthwise,
  kernel_layers,
  moments,
  output_cost,
  patches,
  streams,
)

# Rows are multiplied in pieces of this many.
_PIECE = 4096


class Setting(NamedTuple):
  """How rows are taken.

  Attributes:
    max_rows: most rows of a site, over all photos; where there are more
      positions some are drawn.
    focus: in [0, 1], how much positions count by what they matter to the
      predictions, against all the same.
  """

  max_rows: int = 40000
  focus: float = 0.0


class Observer:
  """Looks at layers in a dense network and in the one that is pruned."""

  def __init__(
    self,
    network,
    dense: streams.Stream,
    pruned: streams.Stream,
    pool,
    costs: Dict[str, output_cost.SiteCost],
  ):
    """Takes the streams, which must be at the border before the layer."""
    self._network = network
    self._dense, self._pruned = dense, pruned
    self._pool, self._costs = pool, costs

  def observe(self, layer: kernel_layers.KernelLayer, setting: Setting):
    """Sums up moments.

    Args:
      layer: the layer that both streams have come to.
      setting: how rows are taken.

    Returns:
      By the name of the constant that corrects the mean, None where there is
      none: sites with one constant share a mean.
    """
    workers = 2
    parts = list(
      self._pool.map(
        lambda worker: self._part(
          layer, range(worker, len(self._dense), workers), setting
        ),
        range(min(workers, len(self._dense))),
      )
    )
    total = parts[0]
    for part in parts[1:]:
      for key, value in part.items():
        total[key].merge(value)
    return total

  def _part(
    self, layer, photos, setting
  ) -> Dict[Optional[str], moments.Moments]:
    taps = layer.window[0] * layer.window[1]
    channels = layer.kernel.shape[-2]
    outputs = kernel_layers.output_channels(layer)
    result, pending = {}, {}
    for site in layer.sites:
      key = site.shift.constant if site.shift else None
      if key not in result:
        if layer.kind == kernel_layers.DEPTHWISE:
          result[key] = depthwise.Moments(taps, channels, outputs // channels)
        else:
          result[key] = moments.Moments(taps * channels, outputs)
        pending[key] = []
    for photo in photos:
      for key, positions, rows in self._rows(layer, photo, setting):
        result[key].positions += positions
        pending[key].append(rows)
        if sum(len(each[0]) for each in pending[key]) >= _PIECE:
          _flush(result[key], pending[key])
    for key in result:
      _flush(result[key], pending[key])
    return result

  def _rows(self, layer, photo: int, setting: Setting):
    inputs = [self._network.tensor(site.input) for site in layer.sites]
    outputs = [self._network.tensor(site.node) for site in layer.sites]
    seen = self._pruned.run(inputs, photo)
    wanted = self._dense.run(outputs, photo)
    per_photo = -(-setting.max_rows // len(self._dense))
    for number, (site, x, y) in enumerate(zip(layer.sites, seen, wanted)):
      y = y.reshape(-1, y.shape[-1])
      chosen = patches.sample(len(y), per_photo, (photo, number))
      weights = np.ones(len(chosen), np.float32)
      cost = self._costs.get(site.node)
      if cost is not None and setting.focus:
        weights = _weights(cost.positions[photo][chosen], setting.focus)
      yield (
        site.shift.constant if site.shift else None,
        len(y),
        (patches.rows(layer, x, chosen), y[chosen], weights),
      )


def _weights(positions: np.ndarray, focus: float) -> np.ndarray:
  # A few positions must not stand for all others.
  share = np.minimum(positions.astype(np.float32), 50)
  return np.float32(1 - focus) + np.float32(focus) * share


def _flush(target, pending: List) -> None:
  if not pending:
    return
  x, y, weights = (np.concatenate(parts) for parts in zip(*pending))
  target.add(x, y, weights)
  pending.clear()
