"""What shape a layer says its output has: as its kernel has it.

Some layers set the shape that their arguments lead to on what they have
computed, which fails where a getter has given them a narrower kernel.
"""

import contextlib
from typing import Callable, Iterator, Tuple

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import stacks

_Patch = Tuple[type, str, Callable]


@contextlib.contextmanager
def by_kernels() -> Iterator[None]:
  """Makes layers that are built in this context as wide as their kernels."""
  with contextlib.ExitStack() as stack:
    for owner, name, ours in _patches():
      stack.callback(setattr, owner, name, vars(owner)[name])
      setattr(owner, name, ours)
    yield


def _patches() -> Iterator[_Patch]:
  """Gives the methods that set a shape: those of slim and of tf.layers."""
  if stacks.current() == stacks.CLASSIC:
    # Of more than two dimensions.
    yield _patch(tf.layers.Dense, 'call', _wide_as_kernel)
    return
  from tensorflow.python.layers import convolutional

  for layer in (convolutional.Conv2D, tf.layers.Conv2D):
    yield _patch(layer, 'compute_output_shape', _shape_by_kernel)


def _patch(layer: type, name: str, wrapped: Callable) -> _Patch:
  owner = next(each for each in layer.__mro__ if name in vars(each))
  return owner, name, wrapped(vars(owner)[name])


def _wide_as_kernel(original: Callable) -> Callable:
  def call(self, inputs):
    self.units = int(self.kernel.shape[-1])
    return original(self, inputs)

  return call


def _shape_by_kernel(original: Callable) -> Callable:
  def compute_output_shape(self, input_shape):
    # Asked before there is a kernel, it checks the input's shape alone.
    kernel = getattr(self, 'kernel', None)
    if kernel is not None:
      self.filters = int(kernel.shape[-1])
    return original(self, input_shape)

  return compute_output_shape
