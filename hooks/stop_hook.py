"""A session hook that saves a training that is told to stop."""

import os

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import stopping
from object_detection_pruning.hooks import finite_hook, step_hook


class StopHook(step_hook.StepHook):
  """Lets Ctrl-C and SIGTERM end training after a step, with a checkpoint.

  It comes after all other hooks, so that they are done with the step. Where
  nobody listens (see `common.stopping`) it does nothing.
  """

  def __init__(self, model_dir: str):
    """Keeps where checkpoints are.

    Args:
      model_dir: folder of the training run.
    """
    self._prefix = os.path.join(model_dir, 'model.ckpt')

  def started(self, session: tf.Session, step: int) -> None:
    stopping.wait(True)

  def after_run(self, run_context, run_values) -> None:
    super().after_run(run_context, run_values)
    number = stopping.take() if self._is_active else None
    if number is None:
      return
    session = run_context.session
    step = self.read_step(session)
    finite_hook.check_weights(session, step)
    (saver, *_) = tf.get_collection(tf.GraphKeys.SAVERS)
    saver.save(session, self._prefix, global_step=step)
    stopping.wait(False)
    raise stopping.Stopped(number, step)

  def ended(self, session: tf.Session, step: int) -> None:
    stopping.wait(False)
