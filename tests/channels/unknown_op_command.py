"""Runs a command on detectors whose activations hold an op that is not known.

python tests/channels/unknown_op_command.py MODULE ARGUMENTS...
"""

import runpy
import sys

import tensorflow
import tensorflow.compat.v1 as tf

original = tf.nn.relu6


def relu6(net, name=None):
  return original(tf.cumsum(net, 3, name='running'), name)


# Stock code of either age: each of the two modules has a name of its own.
tf.nn.relu6 = tensorflow.nn.relu6 = relu6
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)
