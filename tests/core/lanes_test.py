import functools

import tensorflow.compat.v1 as tf

from object_detection_pruning.core import lanes


def test_each_op_waits_for_the_one_before_the_last():
  ops = lanes.chain(
    functools.partial(tf.no_op, f'op{index}') for index in range(5)
  )
  waits = [[each.name for each in op.control_inputs] for op in ops]
  assert waits == [[], [], ['op0'], ['op1'], ['op2']]
