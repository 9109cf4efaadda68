"""What tests time; in a file of its own, for the process that measures."""

import os
import signal

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

runs = []


def logged(name, result=None):
  """Makes a callable that adds its name to a list at each run."""
  runs.append('make ' + name)

  def run():
    runs.append(name)
    return result

  return run


def take_runs():
  """Gives the names so far, and forgets them."""
  found = list(runs)
  runs.clear()
  return found


def refused():
  raise errors.InputError('no such thing: 7')


def broken():
  return {}['key']


def exhausted():
  raise tf.errors.ResourceExhaustedError(None, None, 'too large')


def killed(number=signal.SIGKILL):
  os.kill(os.getpid(), number)


def ended():
  os._exit(3)


def doubled(array):
  return np.asarray(array) * 2, os.getpid()
