"""Least squares under a mask: the kept weights that meet the dense outputs.

For a kernel W [inputs, outputs] and rows of inputs x the error is the mean of
|x W - y|^2, with y the outputs of the dense network. It depends on the rows
through their second moments only, and each output is a problem of its own once
the mask is known.
"""

import concurrent.futures
from typing import Dict, List, Optional

import numpy as np

from object_detection_pruning.reconstruction import moments

# Of the unit diagonal: what makes a singular system solvable, and nothing more.
_JITTER = 1e-9
_RIDGE = 1e-3
# Where there are fewer rows than this for each input, the pull grows.
_ENOUGH_ROWS = 2.0
_RIDGE_OF_FEW_ROWS = 1e-2


def ridge_for(rows: int, inputs: int, least: float = _RIDGE) -> float:
  """How much weights are pulled to their dense values.

  Errors on photos that a fit has not seen were least with 1e-3 or less where
  rows are many, and with some percent where they are fewer than the inputs.

  Args:
    rows: that moments are of.
    inputs: of the kernel.
    least: pull where rows are many.
  """
  lack = max(0.0, inputs / max(rows, 1) - 1 / _ENOUGH_ROWS)
  return least + _RIDGE_OF_FEW_ROWS * min(lack, 10.0)


class Problem:
  """Inputs scaled to unit mean square, pulled a little to the dense kernel.

  Attributes:
    gram: [inputs, inputs], unit diagonal.
    target: [inputs, outputs].
    scale: of each input; kernels here are the true ones times it.
    output_weights: what a squared error of each output counts, [outputs].
  """

  def __init__(
    self,
    sums: moments.Sums,
    kernel: np.ndarray,
    ridge: float = _RIDGE,
    output_weights: Optional[np.ndarray] = None,
  ):
    """Normalises the sums.

    Args:
      sums: second moments of the layer.
      kernel: the dense kernel, [inputs, outputs].
      ridge: how much each weight is pulled to its dense value, as a share of
        the mean square of an input; it makes up for too few rows.
      output_weights: what a squared error of each output counts, [outputs];
        the same if None.
    """
    outputs = kernel.shape[1]
    if output_weights is None:
      output_weights = np.ones(outputs)
    self.output_weights = output_weights
    self._sums, self._dense = sums, kernel.astype(np.float64)
    xx = sums.xx / sums.rows
    pull = ridge * max(np.trace(xx) / len(xx), np.finfo(np.float32).tiny)
    diagonal = np.diag(xx) + pull
    # An input that is always zero would divide by zero.
    diagonal = np.maximum(diagonal, 1e-12 * max(diagonal.max(), 1e-20))
    self.scale = np.sqrt(diagonal)
    self.gram = xx / self.scale / self.scale[:, np.newaxis]
    np.fill_diagonal(self.gram, 1.0)
    self.target = (sums.xy / sums.rows + pull * self._dense) / self.scale[
      :, np.newaxis
    ]

  def dense(self) -> np.ndarray:
    """The best kernel without a mask, scaled."""
    return self._solve(np.arange(len(self.gram)), self.target)

  def fit(self, mask: np.ndarray) -> np.ndarray:
    """Solves for the weights that a mask keeps.

    Args:
      mask: bool [inputs, outputs].

    Returns:
      The kernel [inputs, outputs], exactly zero where the mask is.
    """
    kernel = np.zeros(mask.shape)
    # Outputs that keep the same inputs have one matrix to solve for.
    alike: Dict[bytes, List[int]] = {}
    for number, column in enumerate(mask.T):
      alike.setdefault(column.tobytes(), []).append(number)

    def solve(numbers: List[int]) -> None:
      kept = np.flatnonzero(mask[:, numbers[0]])
      if kept.size:
        places = np.ix_(kept, numbers)
        kernel[places] = self._solve(kept, self.target[places])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
      list(pool.map(solve, alike.values()))
    return kernel / self.scale[:, np.newaxis]

  def _solve(self, kept: np.ndarray, target: np.ndarray) -> np.ndarray:
    gram = self.gram[np.ix_(kept, kept)]
    gram[np.diag_indices(kept.size)] += _JITTER
    return np.linalg.solve(gram, target)

  def improve(
    self, start: np.ndarray, mask: np.ndarray, steps: int = 6
  ) -> np.ndarray:
    """Comes near the solution of fit by a few steps of conjugate gradients.

    Args:
      start: scaled kernel, zero where the mask is.
      mask: bool [inputs, outputs].
      steps: of all outputs together.

    Returns:
      The kernel, not scaled.
    """
    gram = self.gram.astype(np.float32)
    kernel = start.astype(np.float32)
    residual = (self.target.astype(np.float32) - gram @ kernel) * mask
    direction = residual.copy()
    power = np.square(residual).sum(0)
    for _ in range(steps):
      ahead = (gram @ direction) * mask
      curvature = np.einsum('ij,ij->j', direction, ahead)
      step = power / np.maximum(curvature, 1e-20)
      kernel += step * direction
      residual -= step * ahead
      renewed = np.square(residual).sum(0)
      direction = residual + renewed / np.maximum(power, 1e-20) * direction
      power = renewed
    return kernel.astype(np.float64) / self.scale[:, np.newaxis]

  def errors(self, kernel: np.ndarray) -> np.ndarray:
    """Mean square error of each output, [outputs].

    Args:
      kernel: [inputs, outputs], not scaled.
    """
    sums = self._sums
    quadratic = np.einsum('ij,ij->j', kernel, sums.xx @ kernel)
    mixed = np.einsum('ij,ij->j', kernel, sums.xy)
    return np.maximum(quadratic - 2 * mixed + sums.yy, 0) / sums.rows

  def power(self) -> np.ndarray:
    """Mean square of each output of the dense network, [outputs]."""
    return self._sums.yy / self._sums.rows

  def relative_error(self, kernel: np.ndarray) -> float:
    """Error over the mean square of the outputs, both weighted."""
    power = self.power() @ self.output_weights
    error = self.errors(kernel) @ self.output_weights
    return float(error / power) if power > 0 else 0.0
