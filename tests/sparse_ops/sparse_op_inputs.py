"""Inputs of the sparse ops, right ones unless a test changes them."""

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.sparse_ops import library, packing

WEIGHTS = np.arange(3 * 3 * 4 * 5, dtype=np.float32).reshape(3, 3, 4, 5) % 3
MASK, VALUES = packing.pack(WEIGHTS)
BIAS = np.zeros(5, np.float32)
IMAGE = np.zeros((1, 8, 8, 4), np.float32)


def unknown(array, dtype=tf.float32):
  """The array, with a shape that only running shows; variables as they are.

  What is int8 stays so.
  """
  if isinstance(array, tf.Variable):
    return array
  if getattr(array, 'dtype', None) == np.int8:
    dtype = tf.int8
  return tf.placeholder_with_default(tf.constant(array, dtype), None)


def sparse_conv(
  x=IMAGE,
  mask=MASK,
  values=VALUES,
  bias=BIAS,
  concat=(),
  scales=(),
  **changes,
):
  attributes = {
    'kernel_shape': [3, 3, 4, 5],
    'output_depths': [5],
    'num_outputs': 1,
    'strides': [1, 1],
    'padding': 'SAME',
  }
  attributes.update(changes)
  return library.load().sparse_conv2d(
    unknown(x),
    unknown(mask, tf.uint8),
    unknown(values),
    unknown(bias),
    [unknown(array) for array in concat],
    [unknown(array) for array in scales],
    **attributes,
  )
