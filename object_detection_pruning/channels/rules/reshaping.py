"""Where an axis of channels is after a reshape."""

from typing import List, Optional, Tuple

import numpy as np


def follow(
  old: List[Optional[int]],
  new: List[Optional[int]],
  axis: int,
  ids: np.ndarray,
) -> Optional[Tuple[int, np.ndarray]]:
  """Finds the axis that the channels of an axis are on after a reshape.

  Args:
    old: shape before, None for a size that is open.
    new: shape after.
    axis: of the channels, in `old`.
    ids: numbers of the channels along it.

  Returns:
    The axis in `new` and the channels along it, repeated where the axis was
    flattened with others; None where the channels were taken apart.
  """
  inner = _product(old[axis + 1 :])
  if inner is None:
    return None
  for candidate in reversed(range(len(new))):
    below = _product(new[candidate + 1 :])
    if below is None:
      return None
    size = new[candidate]
    if below == inner and size == len(ids):
      return candidate, ids
    # Without channels after it, an axis of ones is as good as none.
    if size is None or below > inner or inner % below:
      continue
    repeats = inner // below
    if size % (len(ids) * repeats) == 0 and size > 1:
      times = size // (len(ids) * repeats)
      return candidate, np.tile(np.repeat(ids, repeats), times)
  return None


def _product(sizes: List[Optional[int]]) -> Optional[int]:
  if any(size is None for size in sizes):
    return None
  return int(np.prod(sizes, dtype=np.int64))
