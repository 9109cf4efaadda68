"""Exact thresholds by radix select on the bits of the floats.

Positive float32 order as their bits do when read as integers, denormals and
zero included, and negative ones the other way round. So the k-th smallest is
found by three counting passes over 13, 10 and 9 bits, each on the few values
that are left from the pass before, in linear time and without a sort.
"""

from typing import List, NamedTuple, Sequence, Tuple

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

# (shift, number of bits) of each pass, most significant first: 32 in all.
_PASSES = ((19, 13), (9, 10), (0, 9))
# The first digit has the sign.
_LEAST = -(1 << (_PASSES[0][1] - 1))
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
  ((kept, threshold),) = cuts(ordered_bits(scores), [number])
  return Cut(tf.cast(kept, tf.float32), threshold)


def cuts(
  bits: tf.Tensor, numbers: Sequence[tf.Tensor]
) -> List[Tuple[tf.Tensor, tf.Tensor]]:
  """Cuts the same scores at several numbers, in hardly more time than at one.

  Args:
    bits: what `ordered_bits` gives of the scores, or other int32 in the order
      that is wanted.
    numbers: each as that of `cut`.

  Returns:
    For each number where scores are kept, bool in the shape of the bits, and
    the threshold, a float32 scalar: the score that its bits stand for.
  """
  first = _count(tf.reshape(bits, [-1]), 0)
  found = []
  for number in numbers:
    kept, threshold = _cut(first, tf.cast(number, tf.int32))
    found.append((tf.reshape(kept, tf.shape(bits)), threshold))
  return found


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


class _Digits(NamedTuple):
  """One digit of each of some integers, counted from the least one on.

  Attributes:
    bits: int32 vector, the integers.
    digits: int32 vector.
    counts: int32 vector, how many have each digit.
    before: int32 vector, how many have a lesser one.
  """

  bits: tf.Tensor
  digits: tf.Tensor
  counts: tf.Tensor
  before: tf.Tensor


def _count(bits: tf.Tensor, index: int) -> _Digits:
  """Counts the digits of a pass, the first of which is 0."""
  shift, width = _PASSES[index]
  digits = tf.bitwise.right_shift(bits, shift) if shift else bits
  if index:
    digits = tf.bitwise.bitwise_and(digits, (1 << width) - 1)
  else:
    digits -= _LEAST
  counts = tf.raw_ops.Bincount(
    arr=digits, size=1 << width, weights=tf.zeros([0], tf.int32)
  )
  return _Digits(bits, digits, counts, tf.cumsum(counts, exclusive=True))


def _cut(first: _Digits, number: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
  bits = first.bits
  threshold, ties, ties_to_mask = _select(first, number)
  kept = tf.cond(
    tf.equal(ties, ties_to_mask),
    lambda: bits > threshold,
    lambda: _without_first_ties(bits, threshold, ties_to_mask),
  )
  return kept, tf.where(number > 0, _score(threshold), tf.zeros([]))


def _select(
  first: _Digits, rank: tf.Tensor
) -> Tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Finds the value of a rank (1 is the smallest) among integers.

  Args:
    first: their first digits.
    rank: int32 scalar in [0, number of integers].

  Returns:
    The value, how many are equal to it, and how many of these lie within the
    rank.
  """
  # With seventy kernels and more, the number of nodes is half of the cost.
  value = tf.constant(_LEAST << _PASSES[0][0])
  found = first
  for following, (shift, _) in enumerate(_PASSES, 1):
    digit = tf.reduce_sum(tf.cast(found.before[1:] < rank, tf.int32))
    rank -= tf.gather(found.before, digit)
    value += digit * (1 << shift)
    if shift:
      left = tf.where(tf.equal(found.digits, digit))
      found = _count(tf.gather_nd(found.bits, left), following)
  return value, tf.gather(found.counts, digit), rank


def _without_first_ties(
  bits: tf.Tensor, threshold: tf.Tensor, ties_to_mask: tf.Tensor
) -> tf.Tensor:
  ties = tf.equal(bits, threshold)
  masked = tf.logical_and(
    ties, tf.cumsum(tf.cast(ties, tf.int32)) <= ties_to_mask
  )
  return tf.logical_and(bits >= threshold, tf.logical_not(masked))
