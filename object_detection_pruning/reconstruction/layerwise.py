"""Prunes and refits one layer after the other."""

from typing import Dict, NamedTuple, Optional

import numpy as np

from object_detection_pruning.core import kernels
from object_detection_pruning.reconstruction import (
  admm,
  depthwise,
  kernel_layers,
  least_squares,
)
from object_detection_pruning.reconstruction import (
  granularity as granularities,
)
from object_detection_pruning.reconstruction import (
  moments as moments_lib,
)


class Fit(NamedTuple):
  """What a layer became.

  Attributes:
    kernel: float32, in the shape of the dense one.
    shifts: how far each constant behind it moves the mean, by name.
    error: relative squared error of the outputs.
    rows: positions that it was fitted to.
  """

  kernel: np.ndarray
  shifts: Dict[str, np.ndarray]
  error: float
  rows: int


def shape_of(layer: kernel_layers.KernelLayer) -> granularities.Shape:
  """The kernel as a matrix."""
  return granularities.Shape(
    layer.window[0] * layer.window[1],
    layer.kernel.shape[-2],
    layer.kernel.shape[-1],
  )


def problem(
  layer: kernel_layers.KernelLayer,
  observed: Dict[Optional[str], moments_lib.Moments],
  output_weights: Optional[np.ndarray],
  ridge: float,
) -> least_squares.Problem:
  """Sets up the least squares of a layer."""
  sums = None
  for constant, moments in observed.items():
    part = moments.sums(centred=constant is not None)
    sums = part if sums is None else sums + part
  kernel = layer.kernel.reshape(shape_of(layer).matrix)
  rows = sum(moments.rows for moments in observed.values())
  ridge = least_squares.ridge_for(rows, len(kernel), ridge)
  return least_squares.Problem(sums, kernel, ridge, output_weights)


def fit(
  layer: kernel_layers.KernelLayer,
  observed: Dict[Optional[str], moments_lib.Moments],
  sparsity: float,
  granularity: granularities.Granularity,
  output_weights: Optional[np.ndarray] = None,
  ridge: float = 1e-3,
  settings: Optional[admm.Settings] = None,
  support: Optional[np.ndarray] = None,
) -> Fit:
  """Prunes a layer and refits what is kept.

  Args:
    layer: the layer.
    observed: its moments, by the constant that corrects the mean.
    sparsity: share of zeros; 0 refits alone, with the zeros that are there.
    granularity: pattern of the zeros.
    output_weights: what a squared error of each output counts.
    ridge: pull to the dense weights.
    settings: of the search; None for the usual ones.
    support: the weights that are kept, bool [inputs, outputs], in place of a
      search for them; not of a depthwise layer.
  """
  if layer.kind == kernel_layers.DEPTHWISE:
    matrix = layer.kernel.reshape((-1,) + layer.kernel.shape[2:])
    groups = [(m, constant is not None) for constant, m in observed.items()]
    kernel, error = depthwise.fit(
      groups, matrix, kernels.kept_weights(matrix), ridge
    )
    kernel = kernel.astype(np.float32)
  else:
    task = problem(layer, observed, output_weights, ridge)
    if support is not None:
      kernel = task.fit(support)
    elif sparsity > 0:
      solver = admm.Solver(task, shape_of(layer), granularity, settings)
      kernel = task.fit(solver.mask(sparsity))
    else:
      kept = kernels.kept_weights(layer.kernel)
      kernel = task.fit(kept.reshape(shape_of(layer).matrix))
    kernel = kernel.astype(np.float32)
    error = task.relative_error(kernel.astype(np.float64))
  shifts = {
    constant: moments.mean_fitted(kernel) - moments.mean_output
    for constant, moments in observed.items()
    if constant is not None
  }
  rows = sum(moments.rows for moments in observed.values())
  return Fit(kernel.reshape(layer.kernel.shape), shifts, error, rows)
