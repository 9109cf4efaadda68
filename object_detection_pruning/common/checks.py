"""Checks of single values; the message gives the bound and the value."""

import math
import numbers

from object_detection_pruning.common import errors

# What every integer field of a pipeline config can hold.
_MOST = 2**31 - 1


def sparsity(name: str, value: float) -> float:
  """Returns a fraction of zeros in [0, 1), or raises `InputError`."""
  if not _is_number(value) or not 0 <= value < 1:
    raise errors.InputError(f'{name} must be in [0, 1), got {value}')
  return float(value)


def fraction(name: str, value: float) -> float:
  """Returns a fraction in (0, 1), or raises `InputError`."""
  if not _is_number(value) or not 0 < value < 1:
    raise errors.InputError(f'{name} must be in (0, 1), got {value}')
  return float(value)


def step(name: str, value: int) -> int:
  """Returns a training step, 0 or later, or raises `InputError`."""
  return _whole(name, value, 0, 'a whole number of steps')


def count(name: str, value: int) -> int:
  """Returns a whole number of 1 or more, or raises `InputError`."""
  return _whole(name, value, 1, 'a whole number')


def seed(name: str, value: int) -> int:
  """Returns a whole number of 0 or more, or raises `InputError`."""
  return _whole(name, value, 0, 'a whole number')


def positive(name: str, value: float) -> float:
  """Returns a finite number above 0, or raises `InputError`."""
  if not _is_number(value) or value <= 0:
    raise errors.InputError(f'{name} must be above 0, got {value}')
  return float(value)


def not_negative(name: str, value: float) -> float:
  """Returns a finite number of 0 or more, or raises `InputError`."""
  if not (_is_number(value) and 0 <= value < float('inf')):
    raise errors.InputError(f'{name} must be 0 or more, got {value!r}')
  return value


def _whole(name: str, value: int, least: int, what: str) -> int:
  if not _is_number(value) or value != int(value) or value < least:
    raise errors.InputError(
      f'{name} must be {what}, {least} or more, got {value}'
    )
  if value > _MOST:
    raise errors.InputError(f'{name} must be {_MOST} at most, got {value}')
  return int(value)


def _is_number(value: float) -> bool:
  return (
    isinstance(value, numbers.Real)
    and not isinstance(value, bool)
    and math.isfinite(value)
  )
