"""Exact thresholds by radix select on the bits of the floats.

Positive float32 order as their bits do when read as integers, denormals and
zero included, and negative ones the other way round. So the k-th smallest is
found by three counting passes over 13, 10 and 9 bits, each on the few values
that are left from the pass before, in linear time and without a sort.
"""

from typing import NamedTuple, Tuple

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

# (shift, number of bits) of each pass, most significant first: 32 in all.
_PASSES = ((19, 13), (9, 10), (0, 9))
_MAGNITUDE = 0x7FFFFFFF


class Cut(NamedTuple):
  """A mask and the score that it was cut at.

  Attributes:
    mask: float32 tensor of zeros and ones, in the shape of the scores.
    threshold: float32 scalar; the greatest score that is masked, 0 where none
      is.
  """

  mask: tf.Tensor
  threshold: tf.Tensor


def zeros_for(sparsity: float, size: int) -> int:
  """Number of zeros, round(sparsity * size), in a kernel of `size` weights."""
  return int(round(sparsity * size))


def cut(scores: tf.Tensor, number: tf.Tensor) -> Cut:
  """Masks exactly `number` of the scores, the least of them.

  Of equal scores those that come first are masked.

  Args:
    scores: float32 tensor of any shape that is not empty; they may be
      negative, and NaN is more than anything else.
    number: integer scalar in [0, number of scores].

  Returns:
    The mask and its threshold.

  Raises:
    InputError: the scores are not float32.
  """
  scores = tf.convert_to_tensor(scores)
  if scores.dtype.base_dtype != tf.float32:
    raise errors.InputError(
      f'weights must be float32, got {scores.dtype.base_dtype.name}'
    )
  number = tf.cast(number, tf.int32)
  bits = tf.reshape(ordered_bits(scores), [-1])
  threshold, ties, ties_to_mask = _select(bits, number)
  kept = tf.cond(
    tf.equal(ties, ties_to_mask),
    lambda: bits > threshold,
    lambda: _without_first_ties(bits, threshold, ties_to_mask),
  )
  return Cut(
    tf.reshape(tf.cast(kept, tf.float32), tf.shape(scores)),
    tf.where(number > 0, _score(threshold), tf.zeros([])),
  )


def ordered_bits(scores: tf.Tensor) -> tf.Tensor:
  """Gives int32 that order as float32 scores do, -0 right before 0.

  Comparisons of floats may take denormals for zero; those of integers do not.
  """
  return _flipped(tf.bitcast(scores, tf.int32))


def _score(bits: tf.Tensor) -> tf.Tensor:
  """Gives the scores that ordered bits stand for."""
  return tf.bitcast(_flipped(bits), tf.float32)


def _flipped(bits: tf.Tensor) -> tf.Tensor:
  """Turns the order of negative numbers round; twice is as never."""
  signs = tf.bitwise.right_shift(bits, 31)
  return tf.bitwise.bitwise_xor(bits, tf.bitwise.bitwise_and(signs, _MAGNITUDE))


def _select(
  bits: tf.Tensor, rank: tf.Tensor
) -> Tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Finds the value of a rank (1 is the smallest) among integers.

  Args:
    bits: int32 vector.
    rank: int32 scalar in [0, length].

  Returns:
    The value, how many are equal to it, and how many of these lie within the
    rank.
  """
  # With seventy kernels and more, the number of nodes is half of the cost.
  value = tf.zeros([], tf.int32)
  for number, (shift, width) in enumerate(_PASSES):
    digits = bits if not shift else tf.bitwise.right_shift(bits, shift)
    # The first digit has the sign, and is counted from the least one on.
    least = 0 if number else -(1 << (width - 1))
    if number:
      digits = tf.bitwise.bitwise_and(digits, (1 << width) - 1)
    else:
      digits -= least
    counts = tf.raw_ops.Bincount(
      arr=digits, size=1 << width, weights=tf.zeros([0], tf.int32)
    )
    before = tf.cumsum(counts, exclusive=True)
    digit = tf.reduce_sum(tf.cast(before[1:] < rank, tf.int32))
    rank -= tf.gather(before, digit)
    value += (digit + least) * (1 << shift)
    if shift:
      bits = tf.gather_nd(bits, tf.where(tf.equal(digits, digit)))
  return value, tf.gather(counts, digit), rank


def _without_first_ties(
  bits: tf.Tensor, threshold: tf.Tensor, ties_to_mask: tf.Tensor
) -> tf.Tensor:
  ties = tf.equal(bits, threshold)
  masked = tf.logical_and(
    ties, tf.cumsum(tf.cast(ties, tf.int32)) <= ties_to_mask
  )
  return tf.logical_and(bits >= threshold, tf.logical_not(masked))
