"""Runs of the tiny model under hooks, with what each step has left."""

import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning import masked_kernels


class Recorder(tf.train.SessionRunHook):
  """Keeps step, weights and mask as they are after each run."""

  def __init__(self):
    self.states = {}

  def after_create_session(self, session, coord):
    self._record(session)

  def after_run(self, run_context, run_values):
    self._record(run_context.session)

  def _record(self, session):
    (kernel,) = masked_kernels()
    step, weights, mask, threshold = session.run(
      [tf.train.get_global_step(), kernel.weights, kernel.mask]
      + [kernel.threshold]
    )
    self.states[int(step)] = (weights, mask, threshold)


def run(last_step, hooks, **scope):
  """Trains the tiny model without checkpoints and gives its states by step.

  Args:
    last_step: where it ends.
    hooks: of the session.
    **scope: what `masking_scope` takes.
  """
  recorder = Recorder()
  with tf.Graph().as_default():
    _, train_op = tiny_model.build(**scope)
    stop = tf.train.StopAtStepHook(last_step=last_step)
    with tf.train.MonitoredSession(
      hooks=[stop] + hooks + [recorder]
    ) as session:
      while not session.should_stop():
        session.run(train_op)
  return recorder.states
