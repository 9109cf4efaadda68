"""A walk through the layers of the dense and the pruned network in step."""

from typing import Dict, List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import memory
from object_detection_pruning.reconstruction import (
  kernel_layers,
  layerwise,
  observations,
  predictions,
  streams,
)
from object_detection_pruning.reconstruction import (
  network as networks,
)


class Walk:
  """Carries the photos from layer to layer through both networks."""

  def __init__(
    self,
    network: networks.Network,
    layers: Sequence[kernel_layers.KernelLayer],
    photos: Sequence[Dict[tf.Tensor, np.ndarray]],
    pool,
  ):
    """Starts before the first layer.

    Args:
      network: of the graph.
      layers: all of it that can be changed, in the order of the graph.
      photos: what is fed for each photo.
      pool: threads that run photos side by side.
    """
    self._network, self._layers = network, list(layers)
    self._inputs = list(photos[0])
    self._ends = [p.tensor for p in predictions.find(network.graph, layers)]
    self._dense = streams.Stream(network, dict(network.dense), photos, pool)
    self._pruned = streams.Stream(network, dict(network.dense), photos, pool)
    self._observer = observations.Observer(
      network, self._dense, self._pruned, pool
    )
    self.changed = False

  def __len__(self) -> int:
    return len(self._dense)

  @property
  def values(self) -> networks.Values:
    """Kernels and shifts of the pruned network."""
    return self._pruned.values

  def reach(self, layer: kernel_layers.KernelLayer) -> None:
    """Carries both networks to just before a layer."""
    border = self._border(layer)
    self._dense.advance(border)
    if not self.changed:
      streams.share(self._dense, self._pruned)
      return
    self._pruned.advance(border)
    # Borders of early layers are the largest.
    memory.give_back()

  def reach_dense(self, layer: Optional[kernel_layers.KernelLayer]) -> None:
    """Carries the dense network ahead, to a layer if there is one left.

    It can go there while it is not yet known what the pruned one becomes.
    """
    if layer is not None:
      self._dense.advance(self._border(layer))

  def _border(self, layer: kernel_layers.KernelLayer) -> List[tf.Tensor]:
    ahead = self._layers[self._layers.index(layer) :]
    border = self._network.border(
      self._inputs, kernel_layers.constants(ahead), self._ends
    )
    # What waits for the input, an assertion say, is in no border.
    return border + [each for each in self._inputs if each not in border]

  def observe(
    self, layer: kernel_layers.KernelLayer, max_rows: int
  ) -> observations.Observed:
    """Gives the moments of the layer that was reached, of so many rows."""
    return self._observer.observe(layer, max_rows)

  def change(
    self, layer: kernel_layers.KernelLayer, fit: layerwise.Fit
  ) -> None:
    """Gives a layer of the pruned network other values."""
    self.changed = True
    self.values.update(changes(self._network.dense, layer, fit))


def changes(
  dense: networks.Values,
  layer: kernel_layers.KernelLayer,
  fit: layerwise.Fit,
) -> Dict[str, np.ndarray]:
  """Gives the constants that a fit changes, by name."""
  result = {layer.constant: fit.kernel}
  for site in layer.sites:
    if site.shift is not None:
      name = site.shift.constant
      moved = dense[name] + site.shift.factor * fit.shifts[name]
      result[name] = moved.astype(dense[name].dtype)
  return result
