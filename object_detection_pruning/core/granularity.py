"""Patterns of masks: which weights become zero together.

A pattern divides a kernel into units, and masks whole units, those that score
least. `GRANULARITIES` lists the patterns.

Kernels have the shape [..., inputs, outputs]: [height, width, inputs, outputs]
of a convolution, [inputs, outputs] of a fully connected layer. `kernel_axes`
says how depthwise ones are seen, and refuses others where they would be masked
wrongly.
"""

from typing import NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.core import (
  block_units,
  choices,
  groups,
  thresholds,
  vocabulary,
)

# Less than the bits of any score, and one less is still an int32.
_LEAST = 1 - 2**31


class Units(NamedTuple):
  """What can be masked of a kernel.

  Attributes:
    number: of units that can be masked at once.
    size: weights in each of them.
  """

  number: int
  size: int


class Granularity(vocabulary.Pattern):
  """A pattern of masks."""

  # Whether a kernel with inputs and outputs in the other order gets like masks.
  is_symmetric = False

  def zeros_for(self, sparsity: float, shape: Sequence[int]) -> int:
    """Gives the number of zeros of a kernel: whole units, nearest to it."""
    raise NotImplementedError

  def zeros_from(self, count: int, shape: Sequence[int]) -> Optional[int]:
    """Gives the fewest zeros from a number on; None if it cannot have them."""
    raise NotImplementedError

  def most(self, shape: Sequence[int]) -> int:
    """Gives the most zeros that a kernel can have."""
    raise NotImplementedError

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    """Masks exactly `zeros` weights, in those units that score least.

    Args:
      scores: float32 tensor in the shape of the kernel, which is known.
      zeros: int32 scalar, one that `zeros_for` gives.
    """
    raise NotImplementedError


class _EqualUnits(Granularity):
  """A pattern whose units have the same number of weights."""

  def units(self, shape: Sequence[int]) -> Units:
    """Tells what can be masked of a kernel of this shape."""
    raise NotImplementedError

  def zeros_for(self, sparsity: float, shape: Sequence[int]) -> int:
    number, size = self.units(shape)
    wanted = thresholds.zeros_for(sparsity, _size(shape) / size)
    return min(wanted, number) * size

  def zeros_from(self, count: int, shape: Sequence[int]) -> Optional[int]:
    number, size = self.units(shape)
    return None if count > number * size else -(-count // size) * size

  def most(self, shape: Sequence[int]) -> int:
    number, size = self.units(shape)
    return number * size


class Weight(vocabulary.Weight, _EqualUnits):
  is_symmetric = True

  def units(self, shape: Sequence[int]) -> Units:
    return Units(_size(shape), 1)

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    return thresholds.cut(scores, zeros)


class NOfM(vocabulary.NOfM, _EqualUnits):
  """N of each M inputs in turn stay, as in 2:4 (Mishra et al. 2021).

  The last inputs, where M does not divide their number, count as if zeros
  followed them. At less than its sparsity a kernel has zeros where the complete
  pattern has them.
  """

  def units(self, shape: Sequence[int]) -> Units:
    inputs = shape[-2]
    groups, rest = divmod(inputs, self.group)
    masked = groups * (self.group - self.kept) + max(0, rest - self.kept)
    return Units(_size(shape) // inputs * masked, 1)

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    never = tf.fill(tf.shape(scores), float('nan'))
    return thresholds.cut(tf.where(self._may_go(scores), scores, never), zeros)

  def _may_go(self, scores: tf.Tensor) -> tf.Tensor:
    """Tells which weights the complete pattern masks."""
    shape = scores.shape.as_list()
    inputs, outputs = shape[-2:]
    bits = tf.reshape(thresholds.ordered_bits(scores), [-1, inputs, outputs])
    rest = -inputs % self.group
    # What is added counts among the zeros, before all others.
    bits = tf.pad(bits, [[0, 0], [0, rest], [0, 0]], constant_values=_LEAST)
    bits = tf.reshape(bits, [-1, self.group, outputs])
    # One member of all groups in a row, which is several times faster.
    members = tf.reshape(tf.transpose(bits, [1, 0, 2]), [self.group, -1])
    may_go = groups.least(members, self.group - self.kept)
    may_go = tf.reshape(may_go, [self.group, -1, outputs])
    may_go = tf.transpose(may_go, [1, 0, 2])
    may_go = tf.reshape(may_go, [-1, inputs + rest, outputs])
    return tf.reshape(may_go[:, :inputs], shape)


class Block(vocabulary.Block, Granularity):
  """Blocks of I inputs and O outputs of one position, as 4x4.

  Those at the edge of a kernel are cut off. One block stays unmasked.
  """

  @property
  def is_symmetric(self) -> bool:
    return self.inputs == self.outputs

  def zeros_for(self, sparsity: float, shape: Sequence[int]) -> int:
    wanted = thresholds.zeros_for(sparsity, _size(shape))
    return block_units.nearest(wanted, self._parts(shape))

  def zeros_from(self, count: int, shape: Sequence[int]) -> Optional[int]:
    return block_units.least_from(count, self._parts(shape))

  def most(self, shape: Sequence[int]) -> int:
    return self.zeros_for(1.0, shape)

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    shape = scores.shape.as_list()
    parts = self._parts(shape)
    numbers = block_units.numbers(tf.cast(zeros, tf.int64), parts)
    scores = tf.reshape(scores, [-1] + shape[-2:])
    cuts = [self._cut(scores, *each) for each in zip(parts, numbers)]
    # Row by row, as the parts are: those of one row have the same inputs.
    width = len({part.outputs for part in parts})
    rows = [
      tf.concat([each.mask for each in cuts[start : start + width]], -1)
      for start in range(0, len(cuts), width)
    ]
    least = tf.constant(float('-inf'))
    threshold = tf.reduce_max(
      [
        tf.where(number > 0, each.threshold, least)
        for number, each in zip(numbers, cuts)
      ]
    )
    return thresholds.Cut(
      tf.reshape(tf.concat(rows, 1), shape),
      tf.where(zeros > 0, threshold, tf.zeros([])),
    )

  def _cut(
    self, scores: tf.Tensor, part: block_units.Part, number: tf.Tensor
  ) -> thresholds.Cut:
    """Masks blocks of one part; the mask is of the part alone."""
    inputs, outputs = part.inputs, part.outputs
    blocks = tf.reshape(
      scores[:, inputs.start : inputs.stop, outputs.start : outputs.stop],
      [-1, inputs.count, inputs.side, outputs.count, outputs.side],
    )
    mask, threshold = thresholds.cut(
      tf.reduce_mean(blocks, [2, 4], keepdims=True), number
    )
    mask = tf.tile(mask, [1, 1, inputs.side, 1, outputs.side])
    shape = [-1, inputs.stop - inputs.start, outputs.stop - outputs.start]
    return thresholds.Cut(tf.reshape(mask, shape), threshold)

  def _parts(self, shape: Sequence[int]) -> Sequence[block_units.Part]:
    return block_units.parts(shape, self.inputs, self.outputs)


class Filter(vocabulary.Filter, _EqualUnits):
  """All weights of an output channel (Li et al. 2017); one stays unmasked."""

  def units(self, shape: Sequence[int]) -> Units:
    return Units(shape[-1] - 1, _size(shape[:-1]))

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    shape = scores.shape.as_list()
    axes = list(range(len(shape) - 1))
    mask, threshold = thresholds.cut(
      tf.reduce_mean(scores, axes), zeros // _size(shape[:-1])
    )
    return thresholds.Cut(mask * tf.ones(shape), threshold)


GRANULARITIES = (Weight, NOfM, Block, Filter)


def find(text: str) -> Granularity:
  """Gives the pattern that a text stands for, or raises."""
  return choices.find('granularity', text, GRANULARITIES, vocabulary.PATTERNS)


def _size(shape: Sequence[int]) -> int:
  size = 1
  for length in shape:
    size *= length
  return size
