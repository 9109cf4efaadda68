"""One process of a cluster that trains the tiny model under TF_CONFIG.

    python tests/cluster_worker.py MODEL_DIR LAST_STEP

Prints `update` for each mask update that this process makes, and `step` for
each step.
"""

import sys
import time

import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning import ModelPruningHook
from object_detection_pruning.core import pruner


class PaceHook(tf.train.SessionRunHook):
  """Takes a time for each step, so that the others take some as well."""

  def __init__(self, secs):
    self._secs = secs

  def before_run(self, run_context):
    print('step', flush=True)
    time.sleep(self._secs)


def model_fn(features, labels, mode, config):
  spec = tiny_model.model_fn(features, labels, mode)
  # The window ends with the run, and other workers may make the last step.
  hook = ModelPruningHook(**dict(tiny_model.WINDOW, end_step=int(sys.argv[2])))
  if not config.is_chief:
    return spec._replace(training_hooks=[hook, PaceHook(0.01)])
  saver = tf.train.CheckpointSaverHook(
    config.model_dir, save_steps=config.save_checkpoints_steps
  )
  return spec._replace(training_chief_hooks=[hook, PaceHook(0.05), saver])


def main(model_dir, last_step):
  update = pruner.Pruner.update

  def printing(*args):
    print('update', flush=True)
    update(*args)

  pruner.Pruner.update = printing
  estimator = tf.estimator.Estimator(
    model_fn, model_dir, tf.estimator.RunConfig(save_checkpoints_steps=50)
  )
  tf.estimator.train_and_evaluate(
    estimator,
    tf.estimator.TrainSpec(tiny_model.input_fn, int(last_step)),
    tf.estimator.EvalSpec(
      tiny_model.input_fn, steps=1, start_delay_secs=0, throttle_secs=1
    ),
  )


if __name__ == '__main__':
  main(*sys.argv[1:])
