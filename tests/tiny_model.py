"""A masked model of 30 weights whose training is the same every time.

Run as a script, it trains in a process of its own that a test can kill:

    python tests/tiny_model.py MODEL_DIR LAST_STEP [KILL_AT_STEP]
"""

import os
import signal
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning import ModelPruningHook, masking_scope
from object_detection_pruning.common import checkpoints

SHAPE = (6, 5)
# Off the grid of the frequency: updates at 3, 7, 11 and 13.
WINDOW = {
  'target_sparsity': 0.77,
  'start_step': 3,
  'end_step': 13,
  'frequency': 4,
}
UPDATES = (3, 7, 11, 13)


def build(**scope):
  """Builds the model; its weights change at every step.

  Args:
    **scope: what `masking_scope` takes.

  Returns:
    loss, train op.
  """
  step = tf.train.get_or_create_global_step()
  start = np.random.RandomState(0).normal(size=SHAPE).astype(np.float32)
  with masking_scope(**scope):
    kernel = tf.get_variable('net/weights', initializer=tf.constant(start))
  phase = tf.range(SHAPE[0] * SHAPE[1], dtype=tf.float32)
  target = 2 * tf.sin(tf.cast(step, tf.float32) * 0.7 + phase)
  # The second term moves masked weights too, so that some come back.
  raw = tf.global_variables('net/weights')[0]
  loss = tf.reduce_sum((kernel - tf.reshape(target, SHAPE)) ** 2)
  loss += 0.3 * tf.reduce_sum((raw - tf.reshape(target, SHAPE)) ** 2)
  optimizer = tf.train.MomentumOptimizer(0.05, 0.8)
  return loss, optimizer.minimize(loss, global_step=step)


def model_fn(features, labels, mode, **scope):
  """The same for an Estimator."""
  del features, labels
  loss, train_op = build(**scope)
  return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def input_fn():
  return tf.data.Dataset.from_tensors(0).repeat()


def estimator(model_dir, scope=None, **config):
  """An Estimator that saves every third step."""

  def scoped_model_fn(features, labels, mode):
    return model_fn(features, labels, mode, **(scope or {}))

  return tf.estimator.Estimator(
    scoped_model_fn,
    str(model_dir),
    tf.estimator.RunConfig(**dict({'save_checkpoints_steps': 3}, **config)),
  )


def train(model_dir, max_steps, hooks=None, scope=None, **window):
  """Trains to a step, from the latest checkpoint if there is one."""
  hooks = hooks or [ModelPruningHook(**dict(WINDOW, **window))]
  with tf.Graph().as_default():
    estimator(model_dir, scope).train(input_fn, hooks, max_steps=max_steps)


def latest(model_dir):
  """Gives all variables of the latest checkpoint."""
  return checkpoints.read(checkpoints.resolve(str(model_dir)))


class KillHook(tf.train.SessionRunHook):
  """Kills the process the hard way once a step is done."""

  def __init__(self, at_step):
    self._at_step = at_step

  def before_run(self, run_context):
    return tf.train.SessionRunArgs(tf.train.get_global_step())

  def after_run(self, run_context, run_values):
    step = run_context.session.run(tf.train.get_global_step())
    if step >= self._at_step:
      os.kill(os.getpid(), signal.SIGKILL)


def main(model_dir, last_step, kill_at=None):
  hooks = [ModelPruningHook(**WINDOW)]
  if kill_at is not None:
    hooks.append(KillHook(int(kill_at)))
  train(model_dir, int(last_step), hooks)


if __name__ == '__main__':
  main(*sys.argv[1:])
