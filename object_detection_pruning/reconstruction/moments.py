"""Second moments of a layer's inputs and outputs, summed up as rows come by.

All that a least-squares fit needs to know of the activations is how large the
products of inputs with inputs and of inputs with outputs are. They are summed
over batches of rows, so no more than one batch is ever in memory.
"""

import numpy as np

from object_detection_pruning.common import errors


class Moments:
  """Sums over rows of inputs x and of the outputs y to be met."""

  def __init__(self, inputs: int, outputs: int):
    """Starts with no rows.

    Args:
      inputs: length of a row of inputs.
      outputs: length of a row of outputs.
    """
    self.rows = self.positions = 0
    self._x = np.zeros(inputs)
    self._y = np.zeros(outputs)
    self._xx = np.zeros((inputs, inputs))
    self._xy = np.zeros((inputs, outputs))
    self._yy = np.zeros(outputs)

  def merge(self, other: 'Moments') -> None:
    """Adds the rows of another one."""
    self.rows += other.rows
    self.positions += other.positions
    for name in ('_x', '_y', '_xx', '_xy', '_yy'):
      # In place: those of a large kernel are hundreds of megabytes.
      sums = getattr(self, name)
      sums += getattr(other, name)

  def add(self, x: np.ndarray, y: np.ndarray) -> None:
    """Adds rows.

    Args:
      x: float [rows, inputs], or [rows, taps, channels].
      y: float [rows, outputs].

    Raises:
      InputError: a value is not finite, so the network is broken.
    """
    x = x.reshape(len(x), -1)
    xx = x.T @ x
    if not np.isfinite(np.trace(xx)) or not np.all(np.isfinite(y)):
      raise errors.InputError(
        'the network gives values that are not finite on a photo'
      )
    self._xx += xx
    self._xy += x.T @ y
    self._yy += np.square(y, dtype=np.float64).sum(0)
    self._x += x.sum(0, dtype=np.float64)
    self._y += y.sum(0, dtype=np.float64)
    self.rows += len(x)

  @property
  def mean_input(self) -> np.ndarray:
    """Mean of the inputs, [inputs]."""
    return self._x / self.rows

  def mean_fitted(self, kernel: np.ndarray) -> np.ndarray:
    """Mean of the outputs of a kernel [inputs, outputs], [outputs]."""
    return self.mean_input @ kernel

  @property
  def mean_output(self) -> np.ndarray:
    """Mean of the outputs, [outputs]."""
    return self._y / self.rows

  def sums(self, centred: bool) -> 'Sums':
    """Gives the sums of products.

    Args:
      centred: of the deviations from the means, as where the layer's mean is
        corrected behind its kernel, in a bias or in batch norm.
    """
    if not centred or not self.rows:
      return Sums(self.rows, self._xx, self._xy, self._yy)
    return Sums(
      self.rows,
      self._xx - np.outer(self._x, self.mean_input),
      self._xy - np.outer(self._x, self.mean_output),
      np.maximum(self._yy - self._y * self.mean_output, 0),
    )


class Sums:
  """Sums of products that fits are made from; they can be added.

  Attributes:
    rows: how many there are.
    xx: [inputs, inputs].
    xy: [inputs, outputs].
    yy: squares of each output, [outputs].
  """

  def __init__(self, rows: int, xx: np.ndarray, xy: np.ndarray, yy: np.ndarray):
    self.rows, self.xx, self.xy, self.yy = rows, xx, xy, yy

  def __add__(self, other: 'Sums') -> 'Sums':
    return Sums(
      self.rows + other.rows,
      self.xx + other.xx,
      self.xy + other.xy,
      self.yy + other.yy,
    )
