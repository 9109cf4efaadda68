"""Masks folded into weights, so that a checkpoint is a stock one again."""

from typing import Dict, List, NamedTuple

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.core import kernels, moving_averages


class StrippedCheckpoint(NamedTuple):
  """A checkpoint without pruning variables.

  Attributes:
    tensors: arrays by variable name.
    pruned: names of the kernels that a mask was folded into.
  """

  tensors: Dict[str, np.ndarray]
  pruned: List[str]


def strip(tensors: Dict[str, np.ndarray]) -> StrippedCheckpoint:
  """Multiplies kernels by their masks and drops masks and thresholds.

  A moving average of a kernel is multiplied as well, since the stock exporter
  may put it in the kernel's place.

  Args:
    tensors: all variables of a checkpoint, by name.

  Raises:
    InputError: a mask has another shape than its kernel, or holds other values
      than 0 and 1.
  """
  shapes = {name: array.shape for name, array in tensors.items()}
  masks = kernels.kernels_with_masks(shapes)
  names = set(tensors)
  stripped = {
    name: array
    for name, array in tensors.items()
    if not kernels.is_pruning_variable(name, names)
  }
  for kernel, mask in masks.items():
    if shapes[mask] != shapes[kernel]:
      raise errors.InputError(
        f'{mask} has the shape {list(shapes[mask])}, and {kernel} has '
        f'{list(shapes[kernel])}'
      )
    if not np.isin(tensors[mask], (0, 1)).all():
      raise errors.InputError(f'{mask} must hold zeros and ones only')
    for name in (kernel, moving_averages.name_of(kernel)):
      if name in stripped:
        # A product would turn a masked infinity into a NaN, and a masked
        # negative weight into -0.
        stripped[name] = np.where(tensors[mask] == 0, 0, stripped[name]).astype(
          stripped[name].dtype
        )
  return StrippedCheckpoint(stripped, sorted(masks))
