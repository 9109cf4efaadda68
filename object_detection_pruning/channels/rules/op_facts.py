"""What the graph tells of an op, for the rules of channels."""

from typing import Callable, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import tensor_util

from object_detection_pruning.channels import tracing

# Read sizes and not values, and sizes follow by themselves.
HARMLESS = ('Shape', 'ShapeN', 'Size', 'Rank', 'ZerosLike', 'OnesLike')
_UNIFORM = ('Fill', 'ZerosLike', 'OnesLike')


def constant(tensor: tf.Tensor) -> Optional[np.ndarray]:
  """Gives the value of a tensor where the graph has it."""
  return tensor_util.constant_value(tensor)


def given_constant(function: Callable, number: int) -> Callable:
  """Wraps a rule that also takes the value of an input of the op."""

  def follow(trace, op):
    value = constant(op.inputs[number])
    if value is None:
      give_up(trace, op)
    else:
      function(trace, op, value)

  return follow


def give_up(trace: tracing.Trace, op: tf.Operation) -> None:
  """Fixes the channels of an op whose working is known at run time only."""
  for tensor in op.inputs:
    trace.fix_tensor(
      tensor, f'{op.name} ({op.type}) depends on what is known at run time only'
    )


def is_uniform(tensor: tf.Tensor) -> bool:
  """Tells whether all values are the same, as far as the graph shows."""
  value = constant(tensor)
  if value is None:
    return tensor.op.type in _UNIFORM
  return value.size > 0 and bool((value == value.flat[0]).all())


def is_channels_first(op: tf.Operation) -> bool:
  """Tells whether channels are on axis 1."""
  try:
    return op.get_attr('data_format') == b'NCHW'
  except ValueError:
    return False
