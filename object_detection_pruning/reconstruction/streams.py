"""Values that a network gives for each photo, carried from layer to layer.

What lies before a layer is computed once: the values at the border between what
is settled and what is not are kept for each photo, and the next border is
computed from them.
"""

from typing import Dict, List, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.reconstruction import network as networks

# Half precision holds activations well enough for their moments.
_HALF_BELOW = 3e4
_MEGABYTE = 2**20


class Stream:
  """Values of one network, dense or pruned, at its current border."""

  def __init__(
    self,
    network: networks.Network,
    values: networks.Values,
    photos: Sequence[Dict[tf.Tensor, np.ndarray]],
    pool,
    cache_megabytes: int = 900,
  ):
    """Starts at the inputs.

    Args:
      network: the graph.
      values: of its kernels and shifts; changed as layers are pruned.
      photos: what is fed for each photo.
      pool: threads that run photos side by side.
      cache_megabytes: most memory for values that are kept; a border that needs
        more is left out, and computed again from the one before.
    """
    self._network, self.values = network, values
    self._kept = [dict(fed) for fed in photos]
    self._pool = pool
    self._cache_bytes = cache_megabytes * _MEGABYTE

  def __len__(self) -> int:
    return len(self._kept)

  @property
  def tensors(self) -> List[tf.Tensor]:
    """The tensors whose values are kept."""
    return list(self._kept[0])

  def at(self, photo: int) -> Dict[tf.Tensor, np.ndarray]:
    """What to feed for a photo."""
    return {t: _restored(v, t) for t, v in self._kept[photo].items()}

  def run(self, fetches: Sequence[tf.Tensor], photo: int) -> List[np.ndarray]:
    """Computes tensors for a photo."""
    return self._network.run(fetches, self.at(photo), self.values)

  def advance(self, border: Sequence[tf.Tensor]) -> None:
    """Moves on to a border, if its values fit into memory."""
    missing = [t for t in border if t not in self._kept[0]]
    if not missing:
      self._kept = [{t: kept[t] for t in border} for kept in self._kept]
      return

    def step(photo: int) -> Dict[tf.Tensor, np.ndarray]:
      kept = self._kept[photo]
      made = dict(zip(missing, self.run(missing, photo)))
      return {t: kept[t] if t in kept else _compact(made[t]) for t in border}

    first = step(0)
    size = sum(np.asarray(value).nbytes for value in first.values())
    if size * len(self._kept) > self._cache_bytes:
      return
    # In place, so that old values go as new ones come.
    self._kept[0] = first

    def replace(photo: int) -> None:
      self._kept[photo] = step(photo)

    list(self._pool.map(replace, range(1, len(self._kept))))


def share(source: Stream, target: Stream) -> None:
  """Gives a stream the values of another one that is the same so far."""
  target._kept = [dict(kept) for kept in source._kept]


def _compact(value: np.ndarray) -> np.ndarray:
  value = np.asarray(value)
  if (
    value.dtype == np.float32
    and value.size > 4096
    and np.abs(value).max() < _HALF_BELOW
  ):
    return value.astype(np.float16)
  return value


def _restored(value: np.ndarray, tensor: tf.Tensor) -> np.ndarray:
  if value.dtype == np.float16 and tensor.dtype.base_dtype == tf.float32:
    return value.astype(np.float32)
  return value
