"""Depthwise kernels, refitted as they are: a small problem for each channel.

They stay dense, as they have few weights, but their inputs change as layers
before them are pruned, and a refit makes up for a part of it.
"""

import numpy as np


class Moments:
  """Sums of products of the taps of each channel."""

  def __init__(self, taps: int, channels: int, multiplier: int):
    """Starts with no rows."""
    self.rows = self.positions = 0
    self._multiplier = multiplier
    self._x = np.zeros((channels, taps))
    self._y = np.zeros((channels, multiplier))
    self._xx = np.zeros((channels, taps, taps))
    self._xy = np.zeros((channels, taps, multiplier))
    self._yy = np.zeros((channels, multiplier))

  def add(self, x: np.ndarray, y: np.ndarray) -> None:
    """Adds rows.

    Args:
      x: float [rows, taps, channels].
      y: float [rows, channels * multiplier].
    """
    x = x.transpose(2, 1, 0)
    y = y.reshape(y.shape[0], -1, self._multiplier).transpose(1, 0, 2)
    self.rows += x.shape[2]
    self._xx += x @ x.transpose(0, 2, 1)
    self._xy += x @ y
    self._x += x.sum(2, dtype=np.float64)
    self._y += y.sum(1, dtype=np.float64)
    self._yy += np.square(y).sum(1, dtype=np.float64)

  def merge(self, other: 'Moments') -> None:
    """Adds the rows of another one."""
    self.rows += other.rows
    self.positions += other.positions
    for name in ('_x', '_y', '_xx', '_xy', '_yy'):
      # In place: those of a large kernel are hundreds of megabytes.
      sums = getattr(self, name)
      sums += getattr(other, name)

  @property
  def mean_output(self) -> np.ndarray:
    """Of the dense network, [channels * multiplier]."""
    return (self._y / self.rows).reshape(-1)

  def mean_fitted(self, kernel: np.ndarray) -> np.ndarray:
    """Of a kernel [taps, channels, multiplier], [channels * multiplier]."""
    return np.einsum('ct,tcm->cm', self._x / self.rows, kernel).reshape(-1)

  def sums(self, centred: bool):
    """Products of each channel: xx, xy and yy, as those of a full kernel."""
    if not centred:
      return self._xx, self._xy, self._yy
    mean = self._x / self.rows
    return (
      self._xx - self._x[:, :, np.newaxis] * mean[:, np.newaxis],
      self._xy - mean[:, :, np.newaxis] * self._y[:, np.newaxis],
      np.maximum(self._yy - self._y**2 / self.rows, 0),
    )


def fit(groups, kernel: np.ndarray, kept: np.ndarray, ridge: float = 1e-3):
  """Fits a depthwise kernel.

  Args:
    groups: pairs of moments and whether their mean is corrected.
    kernel: dense, [taps, channels, multiplier].
    kept: which weights are not zero, bool in the shape of the kernel.
    ridge: pull of each weight to its dense value.

  Returns:
    The kernel, and the relative error of its outputs.
  """
  dense = kernel.astype(np.float64).transpose(1, 0, 2)
  sums = [moments.sums(centred) for moments, centred in groups]
  xx, xy, yy = (sum(parts) for parts in zip(*sums))
  rows = sum(moments.rows for moments, _ in groups)
  taps = xx.shape[1]
  pull = ridge * np.trace(xx, axis1=1, axis2=2) / taps + 1e-9 * rows
  gram = xx + pull[:, np.newaxis, np.newaxis] * np.eye(taps)
  target = xy + pull[:, np.newaxis, np.newaxis] * dense
  fitted = np.stack(
    [
      _solve(gram, target[:, :, m], kept[:, :, m].T)
      for m in range(kernel.shape[2])
    ],
    axis=2,
  )
  error = (
    np.einsum('ctm,cts,csm->', fitted, xx, fitted)
    - 2 * np.einsum('ctm,ctm->', fitted, xy)
    + yy.sum()
  )
  return fitted.transpose(1, 0, 2), float(max(error, 0) / max(yy.sum(), 1e-30))


def _solve(
  gram: np.ndarray, target: np.ndarray, kept: np.ndarray
) -> np.ndarray:
  """Solves for the taps of each channel that are kept; the others are zero."""
  pairs = kept[:, :, np.newaxis] & kept[:, np.newaxis, :]
  # A tap that goes has an equation of its own, whose solution is zero.
  matrix = np.where(pairs, gram, np.eye(gram.shape[1]))
  found = np.linalg.solve(matrix, np.where(kept, target, 0)[:, :, np.newaxis])
  return found[:, :, 0]
