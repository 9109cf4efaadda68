"""Weights that are NaN or infinite: found, counted and named."""

from typing import Dict

import numpy as np

from object_detection_pruning.common import errors

_NAMED = 3


def count(tensors: Dict[str, np.ndarray]) -> Dict[str, int]:
  """Counts the values of each array that are NaN or infinite.

  Args:
    tensors: arrays by name. What an optimizer keeps beside a variable, under
      the variable's name and its own, is left out: it is no part of the model.

  Returns:
    How many there are, by name, where there are any.
  """
  found = {}
  for name, array in tensors.items():
    array = np.asarray(array)
    if array.dtype.kind != 'f' or name.rpartition('/')[0] in tensors:
      continue
    broken = array.size - int(np.count_nonzero(np.isfinite(array)))
    if broken:
      found[name] = broken
  return found


def describe(counts: Dict[str, int]) -> str:
  """Names variables, the first few, and how many of their values are broken."""
  words = [f'{name} ({number})' for name, number in counts.items()]
  more = f' and {len(words) - _NAMED} more' if len(words) > _NAMED else ''
  return ', '.join(words[:_NAMED]) + more


def check(path: str, tensors: Dict[str, np.ndarray]) -> None:
  """Checks that a model can be computed with.

  Args:
    path: of the model, for the message.
    tensors: its variables by name.

  Raises:
    InputError: a variable has values that are NaN or infinite.
  """
  found = count(tensors)
  if found:
    raise errors.InputError(
      f'{path} has values that are NaN or infinite, in {describe(found)}: no '
      'figure of such a model means anything; take an earlier checkpoint'
    )
