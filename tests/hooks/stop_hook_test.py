"""Training that is told to stop saves first, and says at which step."""

import signal

import numpy as np
import processes
import pytest
import tiny_model

PROGRAM = """
import os, signal, sys
from object_detection_pruning import ModelPruningHook
import tensorflow.compat.v1 as tf
import tiny_model
from object_detection_pruning.common import command
from object_detection_pruning.hooks import stop_hook

class Signal(tf.train.SessionRunHook):
  def before_run(self, run_context):
    return tf.train.SessionRunArgs(tf.train.get_global_step())

  def after_run(self, run_context, run_values):
    if run_values.results == 6:
      os.kill(os.getpid(), NUMBER)

def main(_):
  hooks = [ModelPruningHook(**tiny_model.WINDOW), stop_hook.StopHook(FOLDER)]
  tiny_model.train(FOLDER, 18, hooks + [Signal()] * bool(NUMBER))

# Whoever started the tests in the background may ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# They are no flags, which a command would refuse.
FOLDER, NUMBER = sys.argv[1], int(sys.argv[2])
del sys.argv[1:]
command.run(main, goes_on=True)
"""


@pytest.mark.parametrize(
  'number, name, status',
  [(signal.SIGINT, 'Ctrl-C', 130), (signal.SIGTERM, 'SIGTERM', 143)],
)
def test_a_stopped_run_ends_as_if_it_had_not_been(
  tmp_path, number, name, status
):
  program = tmp_path / 'program.py'
  program.write_text(PROGRAM)
  folder = tmp_path / 'stopped'
  stopped = processes.python(program, folder, int(number))
  assert stopped.returncode == status, stopped.stderr
  assert stopped.stderr.splitlines() == [
    f'stopped at step 7 by {name}; the same command goes on'
  ]
  assert tiny_model.latest(folder)['global_step'] == 7
  went_on = processes.python(program, folder, 0)
  assert went_on.returncode == 0, went_on.stderr
  tiny_model.train(tmp_path / 'whole', 18)
  whole = tiny_model.latest(tmp_path / 'whole')
  latest = tiny_model.latest(folder)
  assert set(whole) == set(latest)
  for variable, value in latest.items():
    np.testing.assert_array_equal(value, whole[variable], err_msg=variable)
