"""What a run would prune, told without training."""

from typing import List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import (
  masked_network,
  pipeline,
  pruning_builder,
)
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import (
  criteria,
  masking,
  schedules,
  sparsity_plan,
)
from object_detection_pruning.core import kernels as kernel_names
from object_detection_pruning.training import model_lib


def describe(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  train_steps: Optional[int],
  model_dir: str,
) -> str:
  """Lists the masked kernels with the zeros that are planned, and their sum.

  Args:
    config: the pipeline config, with the effective `pruning` message.
    train_steps: last training step, None or 0 if there is none.
    model_dir: of the run; its latest checkpoint is what the run would go on
      from.

  Raises:
    InputError: the settings cannot work, nothing would be pruned, or the plan
      depends on weights that are not there.
  """
  settings = pruning_builder.build(pipeline.pruning_message(config))
  schedule = settings.schedule
  if schedule is None:
    raise errors.InputError(
      '--dry_run shows which weights masks take, and none are to be taken: '
      'set target_sparsity (--sparsity)'
    )
  model_lib.check_run(config, settings, train_steps)
  kernels = masked_network.kernels(config, settings)
  method = settings.method
  plan = method.plan(schedule, kernels)
  plan.keep(_zeros_of_the_start(config, model_dir, kernels, schedule))
  last = schedule.end_step
  if train_steps:
    last = schedule.last_update(train_steps)
  scores = None
  notes: List[str] = []
  if plan.needs_scores:
    checkpoint = _start(config, model_dir)
    scores = _scores(method.criterion, kernels, checkpoint)
    notes.append(
      f'From the weights of {checkpoint}. Each update looks at the weights '
      'anew, so the layers may end otherwise; the sum will be the same.'
    )
  if method.regrowth is not None:
    notes.append(
      f'Masks move from then on: each update replaces up to '
      f'{method.regrowth.share:.4g} of the weights that are kept '
      f'({method.regrowth}).'
    )
  lines = [
    f'criterion {method.criterion}, granularity {method.granularity}, '
    f'allocation {method.allocation}',
    f'masks change from step {schedule.start_step} to {last}, every '
    f'{schedule.frequency} steps; at step {last}:',
    '',
    sparsity_plan.table(plan.layers, plan.zeros_at(last, scores)),
  ]
  return '\n'.join(lines + notes)


def _start(config: pipeline_pb2.TrainEvalPipelineConfig, model_dir: str) -> str:
  """Gives the checkpoint that a run begins with, or raises."""
  latest = checkpoints.latest(model_dir)
  # Rewinding takes its weights from elsewhere, and the masks of the start.
  rewound = pipeline.pruning_message(config).rewind_checkpoint
  start = latest or rewound or config.train_config.fine_tune_checkpoint
  if not start:
    raise errors.InputError(
      '--dry_run needs the weights that training begins with, since this '
      'allocation depends on them: name a fine_tune_checkpoint'
    )
  return checkpoints.resolve(start)


def _zeros_of_the_start(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  model_dir: str,
  kernels: Sequence[masking.MaskedKernel],
  schedule: schedules.Schedule,
) -> List[int]:
  """Counts the zeros that masks have when training begins."""
  start = config.train_config.fine_tune_checkpoint
  latest = checkpoints.latest(model_dir)
  if (
    latest
    and not start
    and checkpoints.global_step(latest) < (schedule.start_step)
  ):
    start = latest
  zeros = [0] * len(kernels)
  if not start:
    return zeros
  shapes, get = checkpoints.shapes(start), checkpoints.lookup(start)
  for number, kernel in enumerate(kernels):
    name = kernel.mask.op.name
    if shapes.get(name) == tuple(kernel.shape):
      zeros[number] = int(np.sum(get(name) == 0))
  return zeros


def _scores(
  criterion: criteria.WeightCriterion,
  kernels: Sequence[masking.MaskedKernel],
  checkpoint: str,
) -> List[np.ndarray]:
  tensors = checkpoints.read(checkpoint)
  gathers = isinstance(criterion, criteria.GatheredCriterion)
  scores = []
  for kernel in kernels:
    name = kernel.weights.op.name
    if gathers:
      name = kernel_names.score_name(name, criterion.form)
    found = tensors.get(name)
    if found is None or list(found.shape) != kernel.shape:
      raise errors.InputError(
        f'checkpoint {checkpoint} has no {name} of shape {kernel.shape}, and '
        'this allocation depends on it'
      )
    if not gathers:
      with tf.Graph().as_default(), tf.Session() as session:
        found = session.run(criterion.scores(tf.constant(found)))
    scores.append(found)
  return scores
