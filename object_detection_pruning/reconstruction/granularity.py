"""Which weights of a kernel may be zero together, and which of them are kept.

Each granularity turns scores of single weights into a mask with an exact number
of zeros. Kernels are matrices here, [taps * inputs, outputs], as a convolution
multiplies its patches by them; inputs vary fastest within the rows.
"""

from typing import NamedTuple

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.core import block_units, choices, vocabulary

# Shares are of whole numbers: 0.6 times 5 is a little less than 3.
_ROUNDING = 1e-6


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


class Granularity(vocabulary.Pattern):
  """Chooses weights to keep."""

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
      but their positions.
    """
    raise NotImplementedError

  def parts(self, shape: Shape) -> int:
    """Number of equal parts of a kernel, each of which is kept or not."""
    raise NotImplementedError

  def share_of(self, zeros: float, shape: Shape) -> float:
    """Gives the least sparsity at which a mask has a share of zeros for sure.

    Zeros come in whole parts, and their number is rounded.
    """
    number = self.parts(shape)
    return float(np.ceil(zeros * number - _ROUNDING)) / number

  def loose_mask(
    self, scores: np.ndarray, shape: Shape, sparsity: float
  ) -> np.ndarray:
    """Like mask, for a share of zeros that is still to grow."""
    return self.mask(scores, shape, sparsity)


class Weight(vocabulary.Weight, Granularity):
  def parts(self, shape):
    return shape.taps * shape.inputs * shape.outputs

  def mask(self, scores, shape, sparsity):
    return _largest(scores, _kept(scores.size, sparsity))


class Channel(vocabulary.Channel, Granularity):
  def parts(self, shape):
    return shape.inputs

  def mask(self, scores, shape, sparsity):
    by_channel = scores.reshape(shape.taps, shape.inputs, -1).sum((0, 2))
    kept = _largest(by_channel, _kept(shape.inputs, sparsity))
    return np.broadcast_to(
      np.tile(kept, shape.taps)[:, np.newaxis], scores.shape
    ).copy()


class NOfM(vocabulary.NOfM, Granularity):
  """N of each M inputs in turn stay, as in 2:4 (Mishra et al. 2021).

  The last inputs, where M does not divide their number, are a group of their
  own in which N weights stay as well, or all if it has no more.
  """

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


class Block(vocabulary.Block, Granularity):
  """Blocks of I inputs and O outputs of one position, as 4x4.

  Those at the edge of a kernel are cut off. One block stays, but at 1.
  """

  def share_of(self, zeros, shape):
    needed = int(np.ceil(zeros * np.prod(shape) - _ROUNDING))
    least = block_units.least_from(needed, self._parts(shape))
    return 1.0 if least is None else least / np.prod(shape)

  def mask(self, scores, shape, sparsity):
    if sparsity == 1:
      return np.zeros(scores.shape, bool)
    parts = self._parts(shape)
    wanted = int(round(_checked(sparsity) * scores.size))
    zeros = block_units.nearest(wanted, parts)
    scores = scores.reshape(shape)
    kept = np.empty(scores.shape, bool)
    for part, number in zip(parts, block_units.numbers(zeros, parts)):
      rows, columns = part.inputs, part.outputs
      place = (
        slice(None),
        slice(rows.start, rows.stop),
        slice(columns.start, columns.stop),
      )
      by_block = scores[place].reshape(
        shape.taps, rows.count, rows.side, columns.count, columns.side
      )
      stay = _largest(by_block.sum((2, 4)), part.number - number)
      kept[place] = stay.repeat(rows.side, 1).repeat(columns.side, 2)
    return kept.reshape(shape.matrix)

  def _parts(self, shape):
    return block_units.parts(shape, self.inputs, self.outputs)


GRANULARITIES = (Weight, NOfM, Block, Channel)


def find(text: str, name: str = 'granularity') -> Granularity:
  """Gives the granularity that a text stands for, or raises `InputError`."""
  return choices.find(name, text, GRANULARITIES, vocabulary.PATTERNS)


def _kept(size: int, sparsity: float) -> int:
  return size - int(round(_checked(sparsity) * size))


def _checked(sparsity: float) -> float:
  if not 0 <= sparsity <= 1:
    raise errors.InputError(f'sparsity must be in [0, 1], got {sparsity}')
  return sparsity


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
