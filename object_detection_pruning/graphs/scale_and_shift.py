"""Batch norm as a scale and a shift per channel, to fold into a kernel."""

from typing import NamedTuple

import numpy as np


class Affine(NamedTuple):
  """y = scale * x + shift, per channel, in float64.

  Attributes:
    scale: [channels].
    shift: [channels].
  """

  scale: np.ndarray
  shift: np.ndarray

  @classmethod
  def identity(cls, channels: int) -> 'Affine':
    """What changes nothing."""
    return cls(np.ones(channels), np.zeros(channels))

  @property
  def size(self) -> int:
    """The number of channels."""
    return self.scale.size

  def then(self, after: 'Affine') -> 'Affine':
    """This one, and another on its result."""
    return Affine(
      self.scale * after.scale, self.shift * after.scale + after.shift
    )


def of_batch_norm(
  gamma: np.ndarray,
  beta: np.ndarray,
  mean: np.ndarray,
  variance: np.ndarray,
  epsilon: float,
) -> Affine:
  """Batch norm in inference: gamma * (x - mean) / sqrt(variance + epsilon).

  All four arguments are [channels].
  """
  scale = gamma.astype(np.float64) / np.sqrt(
    variance.astype(np.float64) + epsilon
  )
  return Affine(scale, beta - mean * scale)
