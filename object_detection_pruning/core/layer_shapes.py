"""What shape a layer says its output has: as its kernel has it.

Layers of TensorFlow 2 set the shape that their arguments lead to on what they
have computed, which fails where a getter has given them a narrower kernel.
"""

import contextlib
from typing import Iterator, List

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import stacks

_METHOD = 'compute_output_shape'


@contextlib.contextmanager
def by_kernels() -> Iterator[None]:
  """Makes convolutions that are built in this context as wide as kernels."""
  if stacks.current() == stacks.CLASSIC:
    yield
    return
  originals = [(owner, vars(owner)[_METHOD]) for owner in _owners()]
  for owner, original in originals:
    setattr(owner, _METHOD, _by_kernel(original))
  try:
    yield
  finally:
    for owner, original in originals:
      setattr(owner, _METHOD, original)


def _owners() -> List[type]:
  """The classes whose method gives the shape: slim's and that of tf.layers."""
  from tensorflow.python.layers import convolutional

  return [
    next(owner for owner in layer.__mro__ if _METHOD in vars(owner))
    for layer in (convolutional.Conv2D, tf.layers.Conv2D)
  ]


def _by_kernel(original):
  def compute_output_shape(self, input_shape):
    # Asked before there is a kernel, it checks the input's shape alone.
    kernel = getattr(self, 'kernel', None)
    if kernel is not None:
      self.filters = int(kernel.shape[-1])
    return original(self, input_shape)

  return compute_output_shape
