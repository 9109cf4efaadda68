"""Patterns of masks: which weights become zero together.

A pattern divides a kernel into units, all of the same number of weights, and
masks whole units, those that score least. `GRANULARITIES` lists the patterns.

Kernels have the shape [..., inputs, outputs]: [height, width, inputs, outputs]
of a convolution, [inputs, outputs] of a fully connected layer. `kernel_axes`
refuses others where they would be masked wrongly.
"""

from typing import NamedTuple, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.core import choices, thresholds, vocabulary

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

  def units(self, shape: Sequence[int]) -> Units:
    """Tells what can be masked of a kernel of this shape."""
    raise NotImplementedError

  def zeros_for(self, sparsity: float, shape: Sequence[int]) -> int:
    """Gives the number of zeros of a kernel: whole units, nearest to it."""
    number, size = self.units(shape)
    wanted = thresholds.zeros_for(sparsity, _size(shape) / size)
    return min(wanted, number) * size

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    """Masks exactly `zeros` weights, in those units that score least.

    Args:
      scores: float32 tensor in the shape of the kernel, which is known.
      zeros: int32 scalar, one that `zeros_for` gives.
    """
    raise NotImplementedError


class Weight(vocabulary.Weight, Granularity):
  is_symmetric = True

  def units(self, shape: Sequence[int]) -> Units:
    return Units(_size(shape), 1)

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    return thresholds.cut(scores, zeros)


class NOfM(vocabulary.NOfM, Granularity):
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
    # How many go before each. Of equal scores the first one goes first.
    ranks = [
      _count(members[:index] <= members[index])
      + _count(members[index + 1 :] < members[index])
      for index in range(self.group)
    ]
    may_go = tf.stack(ranks) < self.group - self.kept
    may_go = tf.reshape(may_go, [self.group, -1, outputs])
    may_go = tf.transpose(may_go, [1, 0, 2])
    may_go = tf.reshape(may_go, [-1, inputs + rest, outputs])
    return tf.reshape(may_go[:, :inputs], shape)


class Block(vocabulary.Block, Granularity):
  """Blocks of I inputs and O outputs of one position, as 4x4.

  What is left over where they do not fit in is never masked.
  """

  @property
  def is_symmetric(self) -> bool:
    return self.inputs == self.outputs

  def units(self, shape: Sequence[int]) -> Units:
    inputs, outputs = self._blocks(shape)
    positions = _size(shape[:-2])
    return Units(positions * inputs * outputs, self.inputs * self.outputs)

  def cut(self, scores: tf.Tensor, zeros: tf.Tensor) -> thresholds.Cut:
    shape = scores.shape.as_list()
    inputs, outputs = self._blocks(shape)
    if not inputs * outputs:
      return thresholds.Cut(tf.ones(shape), tf.zeros([]))
    used = (inputs * self.inputs, outputs * self.outputs)
    blocks = tf.reshape(
      scores[..., : used[0], : used[1]],
      [-1, inputs, self.inputs, outputs, self.outputs],
    )
    number = zeros // (self.inputs * self.outputs)
    mask, threshold = thresholds.cut(
      tf.reduce_mean(blocks, [2, 4], keepdims=True), number
    )
    mask = tf.reshape(
      tf.tile(mask, [1, 1, self.inputs, 1, self.outputs]),
      shape[:-2] + list(used),
    )
    rest = [[0, whole - part] for whole, part in zip(shape[-2:], used)]
    paddings = [[0, 0]] * len(shape[:-2]) + rest
    return thresholds.Cut(tf.pad(mask, paddings, constant_values=1), threshold)

  def _blocks(self, shape: Sequence[int]) -> Sequence[int]:
    return shape[-2] // self.inputs, shape[-1] // self.outputs


class Filter(vocabulary.Filter, Granularity):
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


def _count(each: tf.Tensor) -> tf.Tensor:
  """Counts along the first dimension, which is short."""
  return tf.reduce_sum(tf.cast(each, tf.int16), 0)


def _size(shape: Sequence[int]) -> int:
  size = 1
  for length in shape:
    size *= length
  return size
