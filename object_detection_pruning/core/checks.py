"""Checks of single values; the message gives the bound and the value."""

import math
import numbers

from object_detection_pruning.core import errors


def sparsity(name: str, value: float) -> float:
  """Returns a fraction of zeros in [0, 1), or raises `InputError`."""
  if not _is_number(value) or not 0 <= value < 1:
    raise errors.InputError(f'{name} must be in [0, 1), got {value}')
  return float(value)


def step(name: str, value: int) -> int:
  """Returns a training step, 0 or later, or raises `InputError`."""
  if not _is_number(value) or value != int(value) or value < 0:
    raise errors.InputError(
      f'{name} must be a whole number of steps, 0 or more, got {value}'
    )
  return int(value)


def count(name: str, value: int) -> int:
  """Returns a whole number of 1 or more, or raises `InputError`."""
  if not _is_number(value) or value != int(value) or value < 1:
    raise errors.InputError(
      f'{name} must be a whole number, 1 or more, got {value}'
    )
  return int(value)


def positive(name: str, value: float) -> float:
  """Returns a finite number above 0, or raises `InputError`."""
  if not _is_number(value) or value <= 0:
    raise errors.InputError(f'{name} must be above 0, got {value}')
  return float(value)


def _is_number(value: float) -> bool:
  return (
    isinstance(value, numbers.Real)
    and not isinstance(value, bool)
    and math.isfinite(value)
  )
