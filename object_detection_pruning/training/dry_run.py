"""What a run would prune, told without training."""

from typing import Dict, List, NamedTuple, Optional, Sequence

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
  network = masked_network.build(config, settings)
  method = settings.method
  plan = method.plan(schedule, network.kernels)
  plan.keep(_zeros_of_the_start(config, model_dir, network, schedule))
  last = schedule.end_step
  if train_steps:
    last = schedule.last_update(train_steps)
  scores = None
  notes: List[str] = []
  if plan.needs_scores:
    start = _start(config, model_dir, network)
    scores = _scores(method.criterion, network.kernels, start)
    notes.append(
      f'From the weights of {start.checkpoint}. Each update looks at the '
      'weights anew, so the layers may end otherwise; the sum will be the same.'
    )
  if method.regrowth is not None:
    notes.append(method.regrowth.told())
  lines = [
    f'criterion {method.criterion}, granularity {method.granularity}, '
    f'allocation {method.allocation}',
    f'masks change from step {schedule.start_step} to {last}, every '
    f'{schedule.frequency} steps; at step {last}:',
    '',
    sparsity_plan.table(plan.layers, plan.zeros_at(last, scores)),
  ]
  return '\n'.join(lines + notes)


class _Start(NamedTuple):
  """What a run begins with.

  Attributes:
    checkpoint: its prefix; '' for none.
    names: those that variables have in it, by their own; None where they are
      the same.
  """

  checkpoint: str
  names: Optional[Dict[str, str]] = None

  def stored_name(self, name: str) -> str:
    """Name of a variable in the checkpoint; '' if it is not taken."""
    return name if self.names is None else self.names.get(name, '')


def _start(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  model_dir: str,
  network: masked_network.MaskedNetwork,
) -> _Start:
  """Gives what a run takes its weights from, or raises."""
  latest = checkpoints.latest(model_dir)
  # Rewinding takes its weights from elsewhere, and the masks of the start.
  rewound = pipeline.pruning_message(config).rewind_checkpoint
  if latest or rewound:
    return _Start(checkpoints.resolve(latest or rewound))
  if not config.train_config.fine_tune_checkpoint:
    raise errors.InputError(
      '--dry_run needs the weights that training begins with, since this '
      'allocation depends on them: name a fine_tune_checkpoint'
    )
  start = checkpoints.resolve(config.train_config.fine_tune_checkpoint)
  return _Start(start, network.restored)


def _zeros_of_the_start(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  model_dir: str,
  network: masked_network.MaskedNetwork,
  schedule: schedules.Schedule,
) -> List[int]:
  """Counts the zeros that masks have when training begins."""
  start = _Start(config.train_config.fine_tune_checkpoint, network.restored)
  if pipeline.pruning_message(config).rewind_checkpoint:
    # It takes all masks that are there.
    start = start._replace(names=None)
  latest = checkpoints.latest(model_dir)
  if (
    latest
    and not start.checkpoint
    and checkpoints.global_step(latest) < (schedule.start_step)
  ):
    start = _Start(latest)
  zeros = [0] * len(network.kernels)
  if not start.checkpoint:
    return zeros
  shapes = checkpoints.shapes(start.checkpoint)
  get = checkpoints.lookup(start.checkpoint)
  for number, kernel in enumerate(network.kernels):
    name = start.stored_name(kernel.mask.op.name)
    if shapes.get(name) == tuple(kernel.shape):
      zeros[number] = int(np.sum(get(name) == 0))
  return zeros


def _scores(
  criterion: criteria.WeightCriterion,
  kernels: Sequence[masking.MaskedKernel],
  start: _Start,
) -> List[np.ndarray]:
  tensors = checkpoints.read(start.checkpoint)
  gathers = isinstance(criterion, criteria.GatheredCriterion)
  scores = []
  for kernel in kernels:
    name = kernel.weights.op.name
    if gathers:
      name = kernel_names.score_name(name, criterion.form)
    found = tensors.get(start.stored_name(name))
    if found is None or list(found.shape) != kernel.shape:
      raise errors.InputError(
        f'checkpoint {start.checkpoint} gives no {name} of shape '
        f'{kernel.shape}, and this allocation depends on it'
      )
    if not gathers:
      with tf.Graph().as_default(), tf.Session() as session:
        found = session.run(criterion.scores(tf.constant(found)))
    scores.append(found)
  return scores
