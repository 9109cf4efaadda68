"""Ops that are run a few at a time."""

from typing import Callable, Iterable, List

import tensorflow.compat.v1 as tf

_LANES = 2


def chain(makers: Iterable[Callable[[], tf.Operation]]) -> List[tf.Operation]:
  """Makes ops of which two run at a time.

  All at once would hold the intermediate values of every one in memory, and
  take longer.

  Args:
    makers: each makes an op, and what it needs.

  Returns:
    The ops, in order.
  """
  ops: List[tf.Operation] = []
  for number, make in enumerate(makers):
    waits_for = [ops[number - _LANES]] if number >= _LANES else []
    with tf.control_dependencies(waits_for):
      ops.append(make())
  return ops
