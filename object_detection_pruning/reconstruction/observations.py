"""Moments of a layer over all photos, at all sites of its kernel."""

from typing import Dict, List, Optional, Union

import numpy as np

from object_detection_pruning.reconstruction import (
  depthwise,
  kernel_layers,
  moments,
  patches,
  streams,
)

# By the name of the constant that corrects the mean, None where there is none.
Observed = Dict[Optional[str], Union[moments.Moments, depthwise.Moments]]

# Rows are multiplied in pieces of so many values, which the caches hold.
_PIECE = 2**20


class Observer:
  """Looks at layers in a dense network and in the one that is pruned."""

  def __init__(
    self, network, dense: streams.Stream, pruned: streams.Stream, pool
  ):
    """Takes the streams, which must be at the border before the layer."""
    self._network = network
    self._dense, self._pruned = dense, pruned
    self._pool = pool

  def observe(
    self, layer: kernel_layers.KernelLayer, max_rows: int
  ) -> Observed:
    """Sums up moments.

    Args:
      layer: the layer that both streams have come to.
      max_rows: most rows of a site, over all photos; where there are more
        positions some are drawn.

    Returns:
      Moments of each mean: sites whose mean one constant corrects share them.
    """
    workers = 2
    parts = list(
      self._pool.map(
        lambda worker: self._part(
          layer, range(worker, len(self._dense), workers), max_rows
        ),
        range(min(workers, len(self._dense))),
      )
    )
    total = parts[0]
    for part in parts[1:]:
      for key, value in part.items():
        total[key].merge(value)
    return total

  def _part(self, layer, photos, max_rows: int) -> Observed:
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
      for key, positions, rows in self._rows(layer, photo, max_rows):
        result[key].positions += positions
        pending[key].append(rows)
        if sum(each[0].size for each in pending[key]) >= _PIECE:
          _flush(result[key], pending[key])
    for key in result:
      _flush(result[key], pending[key])
    return result

  def _rows(self, layer, photo: int, max_rows: int):
    inputs = [self._network.tensor(site.input) for site in layer.sites]
    outputs = [self._network.tensor(site.node) for site in layer.sites]
    seen = self._pruned.run(inputs, photo)
    wanted = self._dense.run(outputs, photo)
    per_photo = -(-max_rows // len(self._dense))
    for number, (site, x, y) in enumerate(zip(layer.sites, seen, wanted)):
      y = y.reshape(-1, y.shape[-1])
      chosen = patches.sample(len(y), per_photo, (photo, number))
      yield (
        site.shift.constant if site.shift else None,
        len(y),
        (patches.rows(layer, x, chosen), y[chosen]),
      )


def _flush(target, pending: List) -> None:
  if not pending:
    return
  target.add(*(np.concatenate(parts) for parts in zip(*pending)))
  pending.clear()
