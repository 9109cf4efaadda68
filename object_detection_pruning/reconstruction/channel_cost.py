"""What the removal of channels costs once their readers are refitted.

Backward elimination by least squares, as Optimal Brain Surgeon does it for
single weights (Hassibi & Stork 1993): with H the second moments of the inputs
of a kernel W, taking out the inputs R and refitting the rest costs
W_R' (H^-1_RR)^-1 W_R.
"""

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.channels import criteria, groups
from object_detection_pruning.reconstruction import (
  kernel_layers,
  least_squares,
  pruning,
)

# Channels go in this many rounds, each judged by what the others left.
_ROUNDS = 16
_JITTER = 1e-9


class Reader(NamedTuple):
  """A kernel that reads the channels of a group.

  Attributes:
    task: its least squares.
    rows: of the kernel as a matrix, int [channels, rows of a channel].
  """

  task: least_squares.Problem
  rows: np.ndarray


class Reconstruction(criteria.ChannelCriterion):
  """Error at the detector's outputs, after refitting, for each unit of cost.

  Scores of all groups are in one unit, so they can be ranked together.
  """

  form = 'reconstruction'
  is_repeatable = False

  def __init__(
    self,
    pruner: pruning.Pruner,
    price: Callable[[groups.ChannelGroup], float],
  ):
    """Takes the detector.

    Args:
      pruner: of the detector, from its config and checkpoint, with photos.
      price: what a channel of a group costs to keep: parameters or MACs.
    """
    self._pruner = pruner
    self._price = price

  def scores(
    self,
    chosen: Sequence[groups.ChannelGroup],
    tensors: criteria.Tensors,
    training_input: Optional[criteria.TrainingInput] = None,
  ) -> Dict[str, np.ndarray]:
    del tensors, training_input
    readers: Dict[str, List[Reader]] = {group.name: [] for group in chosen}
    for layer, task in self._pruner.problems():
      for group in chosen:
        rows = rows_read(layer, group)
        if rows is not None:
          readers[group.name].append(Reader(task, rows))
    return {
      group.name: marginal_costs(readers[group.name], group.size)
      / self._price(group)
      for group in chosen
    }


def rows_read(
  layer: kernel_layers.KernelLayer, group: groups.ChannelGroup
) -> Optional[np.ndarray]:
  """Finds the rows of a kernel's matrix that read each channel of a group.

  Args:
    layer: named after its variable.
    group: the channels.

  Returns:
    int [channels, rows]; None where the kernel reads none of them.
  """
  axis = layer.kernel.ndim - 2
  for part in group.slices:
    if part.variable == layer.constant and part.axis == axis:
      taps = layer.window[0] * layer.window[1]
      offsets = np.arange(taps) * layer.kernel.shape[axis]
      return (part.indices[:, :, np.newaxis] + offsets).reshape(
        len(part.indices), -1
      )
  return None


def marginal_costs(readers: Sequence[Reader], channels: int) -> np.ndarray:
  """Ranks channels by what their removal adds to the error of their readers.

  Args:
    readers: all kernels that read them.
    channels: how many there are.

  Returns:
    float64 [channels]: what each added when it went, never less than those that
    went before it; a channel that no one reads costs nothing.
  """
  states = [_State(reader) for reader in readers]
  left = np.arange(channels)
  result = np.zeros(channels)
  floor = 0.0
  step = max(1, -(-channels // _ROUNDS))
  while left.size:
    costs = sum((state.costs(left) for state in states), np.zeros(left.size))
    order = np.argsort(costs, kind='stable')[:step]
    going = left[order]
    result[going] = np.maximum(costs[order], floor)
    floor = float(result[going].max())
    if left.size > going.size:
      for state in states:
        state.remove(going)
    left = np.setdiff1d(left, going)
  return result


class _State:
  """A kernel, refitted while channels go."""

  def __init__(self, reader: Reader):
    task = reader.task
    self._rows = reader.rows
    gram = task.gram + _JITTER * np.eye(len(task.gram))
    self._inverse = np.linalg.inv(gram)
    self._kernel = task.dense()
    self._weights = task.output_weights

  def costs(self, channels: np.ndarray) -> np.ndarray:
    """What each channel alone would cost now, float64 [channels]."""
    rows = self._rows[channels]
    blocks = self._inverse[rows[:, :, np.newaxis], rows[:, np.newaxis]]
    kernels = self._kernel[rows]
    solved = np.linalg.solve(blocks, kernels)
    return np.einsum('cro,cro,o->c', kernels, solved, self._weights)

  def remove(self, channels: np.ndarray) -> None:
    """Takes channels out and refits the rest."""
    rows = self._rows[channels].reshape(-1)
    across = self._inverse[:, rows]
    solved = np.linalg.solve(self._inverse[np.ix_(rows, rows)], across.T)
    self._kernel = self._kernel - solved.T @ self._kernel[rows]
    self._inverse = self._inverse - across @ solved
    # What is left there is rounding alone.
    self._kernel[rows] = 0
    self._inverse[rows] = 0
    self._inverse[:, rows] = 0
