"""The hooks and summaries of a training, in the order in which they must be."""

from typing import List, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pruning_builder
from object_detection_pruning.core import masking, summaries
from object_detection_pruning.hooks import (
  finite_hook,
  model_pruning_hook,
  progress_hook,
  stock_names_hook,
  stop_hook,
)
from object_detection_pruning.training import warm_start
from object_detection_pruning.training.soft import soft_training


def with_hooks(
  spec: tf.estimator.EstimatorSpec,
  settings: pruning_builder.PruningSettings,
  run_config: tf.estimator.RunConfig,
  train_steps: Optional[int],
  soft: Optional[soft_training.SoftTraining],
  start: str,
  rewinds: bool,
) -> tf.estimator.EstimatorSpec:
  """Adds hooks and summaries to what an estimator trains.

  Args:
    spec: of the stock model function, in training.
    settings: how the model is pruned.
    run_config: that of the estimator.
    train_steps: last training step, if there is one.
    soft: what soft filter pruning needs, if filters are pruned so.
    start: prefix of the checkpoint that training starts from; '' for none.
    rewinds: whether its masks alone are taken, all of them.
  """
  kernels = masking.masked_kernels()
  if kernels:
    scheduled = None
    if settings.schedule is not None:
      plan = settings.method.plan(settings.schedule, kernels)
      scheduled = plan.sparsity_tensor(tf.train.get_global_step())
    summaries.add_training_summaries(kernels, scheduled)
  hooks: List[tf.train.SessionRunHook] = [
    stock_names_hook.StockNamesHook(spec.loss),
    finite_hook.FiniteHook(spec.loss),
  ]
  pruning_hook = None
  if settings.schedule is not None:
    pruning_hook = model_pruning_hook.ModelPruningHook.from_schedule(
      settings.schedule,
      last_step=train_steps,
      starting_zeros=warm_start.restored_zeros(start, kernels, rewinds),
      **vars(settings.method),
    )
    hooks.append(pruning_hook)
  if soft is not None:
    hooks.append(soft.hook())
    train_steps = soft.last_step
  # Before checkpoints are saved and evaluated, which is no part of a step.
  hooks.append(progress_hook.ProgressHook(spec.loss, train_steps, pruning_hook))
  if run_config.save_checkpoints_secs or run_config.save_checkpoints_steps:
    hooks.append(_saver(spec, run_config))
  hooks.append(stop_hook.StopHook(run_config.model_dir))
  return spec._replace(
    training_chief_hooks=list(spec.training_chief_hooks) + hooks
  )


def _saver(
  spec: tf.estimator.EstimatorSpec, run_config: tf.estimator.RunConfig
) -> tf.train.CheckpointSaverHook:
  """Makes what saves checkpoints.

  Here and not in the estimator, so that it comes after the pruning hook: in a
  cluster the last update may happen when the session ends.
  """
  return tf.train.CheckpointSaverHook(
    run_config.model_dir,
    save_secs=run_config.save_checkpoints_secs,
    save_steps=run_config.save_checkpoints_steps,
    scaffold=spec.scaffold,
    listeners=[finite_hook.BeforeSaving()],
  )
