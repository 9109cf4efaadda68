"""After the layers: the pruned network learns from the dense one on the photos.

No labels are needed, batch norm keeps its scale, and what is zero stays zero.
Gradients of single photos are added up, so a graph for batches of one image and
photos of any size will do. Some photos are left out and tell whether it helps:
the result is the state that was closest to the dense network on them, be it the
start.
"""

import math
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

import numpy as np

from object_detection_pruning.common import progress
from object_detection_pruning.reconstruction import (
  distance as distances,
)
from object_detection_pruning.reconstruction import (
  network as networks,
)

_MOMENTUM, _SQUARES = 0.9, 0.99
# Steps between looks at the photos that are left out.
_LOOK_EVERY = 20


class Setting(NamedTuple):
  """How it learns.

  Attributes:
    steps: how many.
    batch_size: photos in each.
    rate: of learning, relative to the size of the weights; it falls to zero
      along a cosine.
  """

  steps: int
  batch_size: int = 8
  rate: float = 1e-4


class State(NamedTuple):
  """Of the optimizer.

  Attributes:
    step: steps done.
    values: of kernels and shifts.
    momentum: running mean of the gradients.
    squares: running mean of their squares.
    losses: of each step.
    best: values that were best on the photos that are left out.
    distances: on these photos: at the start, then at each look.
  """

  step: int
  values: networks.Values
  momentum: Dict[str, np.ndarray]
  squares: Dict[str, np.ndarray]
  losses: List[float]
  best: networks.Values
  distances: List[float]


def refine(
  distance: distances.Distance,
  values: networks.Values,
  batches: Callable[[int], Sequence[Dict[Any, np.ndarray]]],
  held_out: Sequence[Dict[Any, np.ndarray]],
  setting: Setting,
  pool,
  kept,
) -> State:
  """Refines a network.

  Args:
    distance: from the dense network.
    values: to start from; zeros of kernels are kept.
    batches: gives what to feed for each photo of a step.
    held_out: what to feed for the photos that tell which state is best.
    setting: how it learns.
    pool: threads that run photos side by side.
    kept: folder of finished parts; the run goes on from the last one in it.

  Returns:
    The state after the last step.
  """

  def look(values: networks.Values) -> float:
    return float(
      np.mean(list(pool.map(lambda fed: distance.loss(fed, values), held_out)))
    )

  state = kept.load('refinement') or _start(distance, values, look(values))
  masks = {
    name: values[name] != 0 for name in state.momentum if values[name].ndim > 1
  }
  remaining = range(state.step, setting.steps)
  for step in progress.over(remaining, 'refinement steps'):
    found = list(
      pool.map(
        lambda fed: distance.measure(fed, state.values),  # noqa: B023
        batches(step),
      )
    )
    state = _stepped(state, found, masks, setting)
    if state.step % _LOOK_EVERY == 0 or state.step == setting.steps:
      state = _looked(state, look(state.values))
      kept.save('refinement', state)
  return state


def _looked(state: State, found: float) -> State:
  better = found < min(state.distances)
  return state._replace(
    best=state.values if better else state.best,
    distances=state.distances + [found],
  )


def _start(distance, values, at_start: float) -> State:
  zeros = {
    name: np.zeros_like(values[name], np.float32) for name in distance.trained
  }
  return State(
    0, dict(values), zeros, dict(zeros), [], dict(values), [at_start]
  )


def _stepped(state: State, found, masks, setting: Setting) -> State:
  rate = (
    setting.rate * 0.5 * (1 + math.cos(math.pi * state.step / setting.steps))
  )
  rate *= min(1.0, (state.step + 1) / 10)
  values, momentum, squares = dict(state.values), {}, {}
  number = state.step + 1
  for name in state.momentum:
    gradient = sum(gradients[name] for _, gradients in found) / len(found)
    if name in masks:
      gradient = gradient * masks[name]
    momentum[name] = (
      _MOMENTUM * state.momentum[name] + (1 - _MOMENTUM) * gradient
    )
    squares[name] = _SQUARES * state.squares[name] + (1 - _SQUARES) * np.square(
      gradient
    )
    mean = momentum[name] / (1 - _MOMENTUM**number)
    size = np.sqrt(squares[name] / (1 - _SQUARES**number))
    moved = rate * _scale(values[name]) * mean / (size + 1e-12)
    values[name] = (values[name] - moved).astype(np.float32)
  loss = float(np.mean([loss for loss, _ in found]))
  return state._replace(
    step=number,
    values=values,
    momentum=momentum,
    squares=squares,
    losses=state.losses + [loss],
  )


def _scale(value: np.ndarray) -> float:
  """Root mean square of the values that are not zero."""
  count = max(1, np.count_nonzero(value))
  return float(np.sqrt(np.square(value).sum() / count)) or 1.0
