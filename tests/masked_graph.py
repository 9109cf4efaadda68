"""Layers with masks, for tests of how these are made and what they do."""

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.core import masking


def names(collection):
  """Names of what is in a collection."""
  return [item.op.name for item in tf.get_collection(collection)]


def masked_layers():
  """Layers that have a mask."""
  return [kernel.layer for kernel in masking.masked_kernels()]


def images(channels=3):
  """Two small random images."""
  return tf.random_normal([2, 6, 6, channels], seed=1)


def variable_names():
  """Names of all variables."""
  return [variable.op.name for variable in tf.global_variables()]


def set_mask(session, kernel, values):
  """Sets the mask of a kernel."""
  session.run(kernel.mask.assign(np.float32(values)))
