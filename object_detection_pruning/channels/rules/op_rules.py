"""Rules for what an op does to channels, by the type of the op."""

from typing import Callable, Dict, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import tensor_util

from object_detection_pruning.channels import tracing

RULES: Dict[str, Callable] = {}
# Read sizes and not values, and sizes follow by themselves.
HARMLESS = ('Shape', 'ShapeN', 'Size', 'Rank', 'ZerosLike', 'OnesLike')
_UNIFORM = ('Fill', 'ZerosLike', 'OnesLike')


def rule(*types: str, by_constant: Optional[int] = None) -> Callable:
  """Registers the function for these op types.

  Args:
    *types: of ops.
    by_constant: number of an input without whose value nothing can be said. The
      function is given the value; where the graph does not have it, the
      channels are fixed.
  """

  def register(function):
    registered = function
    if by_constant is not None:
      registered = _given_constant(function, by_constant)
    for op_type in types:
      RULES[op_type] = registered
    return function

  return register


def apply(trace: tracing.Trace, op: tf.Operation) -> None:
  """Follows the channels through an op."""
  tracked = [tensor for tensor in op.inputs if trace.is_tracked(tensor)]
  if not tracked or op.type in HARMLESS:
    return
  function = RULES.get(op.type)
  if function is None:
    for tensor in tracked:
      trace.fix_tensor(
        tensor, f'it reaches {op.name}, an op that is not known ({op.type})'
      )
    return
  function(trace, op)


def constant(tensor: tf.Tensor) -> Optional[np.ndarray]:
  """Gives the value of a tensor where the graph has it."""
  return tensor_util.constant_value(tensor)


def _given_constant(function: Callable, number: int) -> Callable:
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
