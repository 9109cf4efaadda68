"""Second moments of a layer's inputs and outputs, summed up as rows come by.

All that a least-squares fit needs to know of the activations is how large the
products of inputs with inputs and of inputs with outputs are. They are summed
over batches of rows, so no more than one batch is ever in memory.
"""

import numpy as np

from object_detection_pruning.common import errors


class Moments:
  """Weighted sums over rows of inputs x and of the outputs y to be met."""

  def __init__(self, inputs: int, outputs: int):
    """Starts with no rows.

    Args:
      inputs: length of a row of inputs.
      outputs: length of a row of outputs.
    """
    self.rows = self.positions = 0
    self.weight = 0.0
    self._x = np.zeros(inputs)
    self._y = np.zeros(outputs)
    self._xx = np.zeros((inputs, inputs))
    self._xy = np.zeros((inputs, outputs))
    self._yy = np.zeros(outputs)

  def merge(self, other: 'Moments') -> None:
    """Adds the rows of another one."""
    self.rows += other.rows
    self.positions += other.positions
    self.weight += other.weight
    for name in ('_x', '_y', '_xx', '_xy', '_yy'):
      setattr(self, name, getattr(self, name) + getattr(other, name))

  def add(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray = None):
    """Adds rows.

    Args:
      x: float [rows, inputs], or [rows, taps, channels].
      y: float [rows, outputs].
      weights: how much each row counts, [rows]; all the same if None.

    Raises:
      InputError: a value is not finite, so the network is broken.
    """
    x = x.reshape(len(x), -1)
    weighted = x if weights is None else x * weights[:, np.newaxis]
    xx = weighted.T @ x
    if not np.isfinite(np.trace(xx)) or not np.all(np.isfinite(y)):
      raise errors.InputError(
        'the network gives values that are not finite on a photo'
      )
    self._xx += xx
    self._xy += weighted.T @ y
    if weights is None:
      self._yy += np.square(y, dtype=np.float64).sum(0)
      self._y += y.sum(0, dtype=np.float64)
      self.weight += len(x)
    else:
      self._yy += weights.astype(np.float64) @ np.square(y)
      self._y += weights @ y
      self.weight += float(weights.sum(dtype=np.float64))
    self._x += weighted.sum(0, dtype=np.float64)
    self.rows += len(x)

  @property
  def mean_input(self) -> np.ndarray:
    """Mean of the inputs, [inputs]."""
    return self._x / self.weight

  def mean_fitted(self, kernel: np.ndarray) -> np.ndarray:
    """Mean of the outputs of a kernel [inputs, outputs], [outputs]."""
    return self.mean_input @ kernel

  @property
  def mean_output(self) -> np.ndarray:
    """Mean of the outputs, [outputs]."""
    return self._y / self.weight

  def sums(self, centred: bool) -> 'Sums':
    """Gives the sums of products.

    Args:
      centred: of the deviations from the means, as where the layer's mean is
        corrected behind its kernel, in a bias or in batch norm.
    """
    if not centred or not self.weight:
      return Sums(self.weight, self._xx, self._xy, self._yy)
    return Sums(
      self.weight,
      self._xx - np.outer(self._x, self.mean_input),
      self._xy - np.outer(self._x, self.mean_output),
      np.maximum(self._yy - self._y * self.mean_output, 0),
    )


class Sums:
  """Sums of products that fits are made from; they can be added.

  Attributes:
    weight: of all rows.
    xx: [inputs, inputs].
    xy: [inputs, outputs].
    yy: squares of each output, [outputs].
  """

  def __init__(
    self, weight: float, xx: np.ndarray, xy: np.ndarray, yy: np.ndarray
  ):
    self.weight, self.xx, self.xy, self.yy = weight, xx, xy, yy

  def __add__(self, other: 'Sums') -> 'Sums':
    return Sums(
      self.weight + other.weight,
      self.xx + other.xx,
      self.xy + other.xy,
      self.yy + other.yy,
    )
