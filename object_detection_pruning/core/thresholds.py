"""Exact magnitude thresholds by radix select on the bits of the floats.

Magnitudes of float32 order as their bits do when read as integers, denormals
and zeros included. So the k-th smallest magnitude is found by three counting
passes over 12, 10 and 9 bits, each on the few values that are left from the
pass before, in linear time and without a sort.
"""

from typing import NamedTuple, Tuple

import tensorflow as tf

from object_detection_pruning.core import errors

_MAGNITUDE_BITS = 0x7FFFFFFF
# (shift, number of bits) of each pass, most significant first: 31 in all.
_PASSES = ((19, 12), (9, 10), (0, 9))


class MagnitudeMask(NamedTuple):
  """A mask and the magnitude that it was cut at.

  Attributes:
    mask: float32 tensor of zeros and ones, in the shape of the weights.
    threshold: float32 scalar; the largest magnitude that is masked, 0 where
      none is.
  """

  mask: tf.Tensor
  threshold: tf.Tensor


def zeros_for(sparsity: float, size: int) -> int:
  """Number of zeros, round(sparsity * size), in a kernel of `size` weights."""
  return int(round(sparsity * size))


def magnitude_mask(weights: tf.Tensor, zeros: tf.Tensor) -> MagnitudeMask:
  """Masks exactly `zeros` weights, those of least magnitude.

  Of weights with equal magnitude those that come first are masked.

  Args:
    weights: float32 tensor of any shape that is not empty.
    zeros: integer scalar in [0, number of weights].

  Returns:
    The mask and its threshold.

  Raises:
    InputError: the weights are not float32.
  """
  weights = tf.convert_to_tensor(weights)
  if weights.dtype.base_dtype != tf.float32:
    raise errors.InputError(
      f'weights must be float32, got {weights.dtype.base_dtype.name}'
    )
  zeros = tf.cast(zeros, tf.int32)
  bits = tf.bitwise.bitwise_and(
    tf.bitcast(tf.reshape(weights, [-1]), tf.int32), _MAGNITUDE_BITS
  )
  threshold, ties_to_mask = _select(bits, zeros)
  kept = tf.cast(bits >= threshold, tf.float32)
  ties = tf.where(tf.equal(bits, threshold))[:ties_to_mask]
  kept = tf.cond(
    ties_to_mask > 0,
    lambda: kept - _ones_at(ties, kept),
    lambda: kept,
  )
  return MagnitudeMask(
    tf.reshape(kept, tf.shape(weights)),
    tf.where(zeros > 0, tf.bitcast(threshold, tf.float32), tf.zeros([])),
  )


def _select(bits: tf.Tensor, rank: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
  """Finds the value of a rank (1 is the smallest) among 31-bit integers.

  Args:
    bits: int32 vector.
    rank: int32 scalar in [0, length].

  Returns:
    The value, and how many of those equal to it lie within the rank.
  """
  value = tf.zeros([], tf.int32)
  for number, (shift, width) in enumerate(_PASSES):
    digits = tf.bitwise.right_shift(bits, shift)
    if number:
      digits = tf.bitwise.bitwise_and(digits, (1 << width) - 1)
    counts = tf.raw_ops.Bincount(
      arr=digits, size=1 << width, weights=tf.zeros([0], tf.int32)
    )
    up_to = tf.cumsum(counts)
    digit = tf.reduce_sum(tf.cast(up_to < rank, tf.int32))
    rank -= up_to[digit] - counts[digit]
    value += digit * (1 << shift)
    if shift:
      bits = tf.boolean_mask(bits, tf.equal(digits, digit))
  return value, rank


def _ones_at(indices: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
  return tf.scatter_nd(
    indices,
    # Not `tf.ones`: TensorFlow 1.15's fails on an open shape with numpy 1.20.
    tf.fill(tf.shape(indices)[:1], 1.0),
    tf.cast(tf.shape(like), tf.int64),
  )
