"""How much each channel of a group matters.

Filters are compared within the kernels that make them; where a group has
several, the scores of each, divided by their mean, are averaged.
"""

from typing import Callable, Dict, Optional

import numpy as np

from object_detection_pruning.channels import groups
from object_detection_pruning.common import errors

METHODS = (
  'l1',
  'l2',
  'filter_l1',
  'filter_l2',
  'fpgm',
  'batch_norm',
  'random',
  'taylor',
)
_GAMMAS = ('gamma',)


def scores(
  method: str,
  group: groups.ChannelGroup,
  tensors: Dict[str, np.ndarray],
  seed: int = 0,
  gradients: Optional[Dict[str, np.ndarray]] = None,
) -> np.ndarray:
  """Scores the channels of a group; the lowest go first.

  Args:
    method: `l1` and `l2`, the norm of all slices; `filter_l1` and `filter_l2`,
      that of the filters alone (Li et al. 2017, He et al. 2018); `fpgm`, the
      distance to the other filters of the layer (He et al. 2019); `batch_norm`,
      the absolute scale (Liu et al. 2017); `random`; `taylor`, what the loss
      changes by to the first order (Molchanov et al. 2019).
    group: the channels.
    tensors: variables by name.
    seed: of `random`.
    gradients: for `taylor`, the mean over batches of |sum of weight * gradient|
      of each channel's filters, float [channels], by group name.

  Returns:
    float64 [channels], 0 or more, 1 on average unless all are zero.

  Raises:
    InputError: there is no such method, or the group has nothing to measure.
  """
  if method not in METHODS:
    raise errors.InputError(
      f'importance must be one of {", ".join(METHODS)}, got {method!r}'
    )
  if method == 'random':
    return np.random.RandomState(seed).uniform(0.5, 1.5, group.size)
  if method == 'taylor':
    return _normalized(np.asarray(gradients[group.name], np.float64))
  measured = []
  for part in group.slices:
    if not _counts(method, part, tensors.get(part.variable)):
      continue
    rows = slice_rows(part, tensors[part.variable])
    measured.append(_normalized(_MEASURES[method](rows)))
  if not measured:
    raise errors.InputError(
      f'importance {method} needs a batch-norm scale, and {group.name} has '
      'none: exclude it or take another'
    )
  return np.mean(measured, axis=0)


def slice_rows(part: groups.Slice, array: np.ndarray) -> np.ndarray:
  """Gives the values of each channel in a variable, float64 [channels, n]."""
  taken = np.take(array, part.indices.reshape(-1), part.axis)
  taken = np.moveaxis(taken, part.axis, 0).astype(np.float64)
  return taken.reshape(len(part.indices), -1)


def _counts(
  method: str, part: groups.Slice, array: Optional[np.ndarray]
) -> bool:
  if method == 'batch_norm':
    return part.variable.rpartition('/')[2] in _GAMMAS
  if method in ('fpgm', 'filter_l1', 'filter_l2'):
    return part.is_output
  # The norm of all that goes with a channel, consumers included.
  return array.ndim > 1


def _normalized(values: np.ndarray) -> np.ndarray:
  mean = values.mean()
  return values / mean if mean > 0 else values


def _distances(rows: np.ndarray) -> np.ndarray:
  squares = (rows**2).sum(1)
  gram = squares[:, None] + squares[None] - 2 * rows.dot(rows.T)
  return np.sqrt(np.maximum(gram, 0)).sum(1)


def _l1(rows: np.ndarray) -> np.ndarray:
  return np.abs(rows).sum(1)


def _l2(rows: np.ndarray) -> np.ndarray:
  return np.sqrt((rows**2).sum(1))


_MEASURES: Dict[str, Callable] = {
  'l1': _l1,
  'l2': _l2,
  'filter_l1': _l1,
  'filter_l2': _l2,
  'fpgm': _distances,
  'batch_norm': _l1,
}
