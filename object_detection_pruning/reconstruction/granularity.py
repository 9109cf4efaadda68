"""Which weights of a kernel may be zero together, and which of them are kept.

Each granularity turns scores of single weights into a mask with an exact number
of zeros. Kernels are matrices here, [taps * inputs, outputs], as a convolution
multiplies its patches by them; inputs vary fastest within the rows.
"""

import abc
import re
from typing import NamedTuple

import numpy as np

from object_detection_pruning.common import errors

_N_OF_M = re.compile(r'([1-9]\d*):([1-9]\d*)')
_BLOCK = re.compile(r'([1-9]\d*)x([1-9]\d*)')
WEIGHT = 'weight'
CHANNEL = 'channel'
ALLOWED = f'{WEIGHT}, {CHANNEL}, n:m such as 2:4, or a block such as 4x1'


class Shape(NamedTuple):
  """Of a kernel as a matrix.

  Attributes:
    taps: height times width of the window.
    inputs: input channels.
    outputs: output channels.
  """

  taps: int
  inputs: int
  outputs: int

  @property
  def matrix(self):
    """Rows and columns."""
    return self.taps * self.inputs, self.outputs


class Granularity(abc.ABC):
  """Chooses weights to keep."""

  # Whether the share of zeros is free, or follows from the pattern alone.
  is_free = True

  @abc.abstractmethod
  def mask(
    self, scores: np.ndarray, shape: Shape, sparsity: float
  ) -> np.ndarray:
    """Keeps the weights with the largest scores.

    Args:
      scores: what each weight is worth, not negative, [rows, outputs].
      shape: of the kernel.
      sparsity: share of zeros in [0, 1].

    Returns:
      bool [rows, outputs]. Which of equal scores is kept depends on nothing
      but their places.
    """

  def loose_mask(
    self, scores: np.ndarray, shape: Shape, sparsity: float
  ) -> np.ndarray:
    """Like mask, for a share of zeros that is still to grow."""
    return self.mask(scores, shape, sparsity)


class ElementWise(Granularity):
  """Single weights."""

  def mask(self, scores, shape, sparsity):
    return _largest(scores, _kept(scores.size, sparsity))

  def __str__(self) -> str:
    return WEIGHT


class InputChannels(Granularity):
  """All weights that read an input channel."""

  def mask(self, scores, shape, sparsity):
    by_channel = scores.reshape(shape.taps, shape.inputs, -1).sum((0, 2))
    kept = _largest(by_channel, _kept(shape.inputs, sparsity))
    return np.broadcast_to(
      np.tile(kept, shape.taps)[:, np.newaxis], scores.shape
    ).copy()

  def __str__(self) -> str:
    return CHANNEL


class NOfM(Granularity):
  """n of m consecutive input channels, at each tap and for each output.

  The last channels, where their number is no multiple of m, are a group of
  their own in which n weights are kept as well, or all if it has no more.
  """

  is_free = False

  def __init__(self, kept: int, group: int):
    """Checks the pattern.

    Args:
      kept: weights that stay in each group.
      group: input channels in a group.

    Raises:
      InputError: it prunes nothing.
    """
    if kept >= group:
      raise errors.InputError(
        f'n:m must keep less than m weights, got {kept}:{group}'
      )
    self.kept, self.group = kept, group

  def mask(self, scores, shape, sparsity=None):
    groups = -(-shape.inputs // self.group)
    padded = np.full(
      (shape.taps, groups * self.group, scores.shape[1]), -1.0, scores.dtype
    )
    padded[:, : shape.inputs] = scores.reshape(shape.taps, shape.inputs, -1)
    padded = padded.reshape(shape.taps, groups, self.group, -1)
    order = np.argsort(-padded, axis=2, kind='stable')
    kept = np.zeros(padded.shape, bool)
    np.put_along_axis(kept, order[:, :, : self.kept], True, axis=2)
    kept = kept.reshape(shape.taps, groups * self.group, -1)
    return kept[:, : shape.inputs].reshape(scores.shape)

  def loose_mask(self, scores, shape, sparsity):
    return self.mask(scores, shape) | _largest(
      scores, _kept(scores.size, sparsity)
    )

  def sparsity(self, shape: Shape) -> float:
    """The share of zeros that the pattern gives a kernel."""
    whole, rest = divmod(shape.inputs, self.group)
    kept = whole * self.kept + min(rest, self.kept)
    return 1 - kept / shape.inputs

  def __str__(self) -> str:
    return f'{self.kept}:{self.group}'


class Blocks(Granularity):
  """Blocks of neighbouring input and output channels, at each tap.

  Blocks at the edge of a kernel are cut off.
  """

  def __init__(self, inputs: int, outputs: int):
    """Sets the size of a block.

    Args:
      inputs: its input channels.
      outputs: its output channels.
    """
    self.inputs, self.outputs = inputs, outputs

  def mask(self, scores, shape, sparsity):
    by_block = np.add.reduceat(
      np.add.reduceat(
        scores.reshape(shape.taps, shape.inputs, -1),
        np.arange(0, shape.inputs, self.inputs),
        axis=1,
      ),
      np.arange(0, scores.shape[1], self.outputs),
      axis=2,
    )
    kept = _largest(by_block, _kept(by_block.size, sparsity))
    kept = kept.repeat(self.inputs, axis=1)[:, : shape.inputs]
    kept = kept.repeat(self.outputs, axis=2)[:, :, : scores.shape[1]]
    return kept.reshape(scores.shape)

  def __str__(self) -> str:
    return f'{self.inputs}x{self.outputs}'


def parse(text: str) -> Granularity:
  """Reads a granularity as a user writes it, or raises `InputError`."""
  if text == WEIGHT:
    return ElementWise()
  if text == CHANNEL:
    return InputChannels()
  match = _N_OF_M.fullmatch(text)
  if match:
    return NOfM(*map(int, match.groups()))
  match = _BLOCK.fullmatch(text)
  if match:
    return Blocks(*map(int, match.groups()))
  raise errors.InputError(f'granularity must be {ALLOWED}, got {text!r}')


def _kept(size: int, sparsity: float) -> int:
  if not 0 <= sparsity <= 1:
    raise errors.InputError(f'sparsity must be in [0, 1], got {sparsity}')
  return size - int(round(sparsity * size))


def _largest(scores: np.ndarray, count: int) -> np.ndarray:
  """Marks as many of the largest scores; of equal ones the first."""
  flat = scores.ravel()
  kept = np.zeros(flat.size, bool)
  if count >= flat.size:
    kept[:] = True
  elif count > 0:
    threshold = np.partition(flat, flat.size - count)[flat.size - count]
    kept = flat > threshold
    ties = np.flatnonzero(flat == threshold)
    kept[ties[: count - np.count_nonzero(kept)]] = True
  return kept.reshape(scores.shape)
