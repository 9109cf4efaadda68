"""Trains one detector by each way to prune while training, on the same data.

    python benchmarks/accuracy/policies.py --pipeline_config_path=CONFIG \\
      --steps=3000 --sparsity=0.9 --runs_dir=RUNS --output=policies.csv

The config names a masked feature extractor or `include` patterns, its data and,
for a detector that is trained already, a fine_tune_checkpoint. Each way gets
the same number of steps, the same seeds and its own process. A row has the
planned and the measured sparsity of the masked kernels, AP50 after batch norm
was re-calibrated, and the median time of a step. Runs whose row is there are
left out, so a benchmark that was stopped goes on with the same command.
"""

import csv
import os
import subprocess
import sys
import time
from typing import Dict, List, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags
from google.protobuf import text_format
from object_detection.protos import pipeline_pb2

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import (
  masked_network,
  pipeline,
  pruning_builder,
)
from object_detection_pruning.common import checkpoints, command, errors
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.core import kernels
from object_detection_pruning.training import model_lib, rewinding

_ERK = 'allocation: "erdos_renyi_kernel" '
# Text of the pruning message beside sparsity and window; None: not pruned.
POLICIES: Dict[str, Optional[str]] = {
  'dense': None,
  'magnitude': '',
  'random': 'criterion: "random"',
  'taylor': 'criterion: "taylor"',
  'movement': 'criterion: "movement"',
  'magnitude_erk': _ERK,
  'static_erk': _ERK + 'criterion: "random" schedule: CONSTANT',
  'set': _ERK + 'criterion: "random" regrowth: "set"',
  'rigl': _ERK + 'criterion: "random" regrowth: "rigl"',
  # Early weights of the run `magnitude`, under its last masks.
  'rewound': None,
}
_REWOUND, _REWOUND_FROM = 'rewound', 'magnitude'
COLUMNS = (
  *('policy', 'seed', 'steps', 'planned_sparsity', 'measured_sparsity'),
  *('ap50', 'seconds_a_step', 'tensorflow'),
)
_AP50 = 'DetectionBoxes_Precision/mAP@.50IOU'
# The first steps find their memory and their threads.
_NOT_TIMED = 5

shared_flags.define('pipeline_config_path', required=True)
shared_flags.define('sparsity', 0.9)
flags.DEFINE_string('runs_dir', None, 'Folder of all runs.')
flags.DEFINE_string('output', 'policies.csv', 'CSV file to add rows to.')
flags.DEFINE_list('policies', list(POLICIES), 'What is trained.')
flags.DEFINE_integer('steps', 3000, 'Training steps of each run.')
flags.DEFINE_list('seeds', ['1'], 'One run of each policy for each.')
flags.DEFINE_integer(
  'batches', 50, 'Training batches to re-calibrate batch norm with.'
)
flags.DEFINE_boolean('one', False, 'Run the only policy in this process.')
flags.mark_flag_as_required('runs_dir')
FLAGS = flags.FLAGS


class StepTimes(tf.train.SessionRunHook):
  """Notes when each step is done."""

  def __init__(self):
    self._ends: List[float] = []

  def after_run(self, run_context, run_values) -> None:
    self._ends.append(time.perf_counter())

  def median(self) -> float:
    """Gives the median time of a step in seconds; NaN without steps."""
    times = np.diff(self._ends)[_NOT_TIMED:]
    return float(np.median(times)) if times.size else float('nan')


def main(_) -> None:
  unknown = sorted(set(FLAGS.policies) - set(POLICIES))
  if unknown:
    raise errors.InputError(
      f'--policies must be some of {", ".join(POLICIES)}, got {unknown[0]!r}'
    )
  if FLAGS.one:
    add_row(run(FLAGS.policies[0], int(FLAGS.seeds[0])))
    return
  done = {(row['policy'], row['seed']) for row in rows()}
  for seed in FLAGS.seeds:
    for policy in FLAGS.policies:
      if (policy, seed) not in done:
        subprocess.check_call(
          [sys.executable, os.path.abspath(__file__), '--one']
          + [f'--policies={policy}', f'--seeds={seed}']
          + [
            f'--{name}={FLAGS[name].value}'
            for name in ('pipeline_config_path', 'runs_dir', 'output')
            + ('sparsity', 'steps', 'batches')
          ]
        )


def run(policy: str, seed: int) -> Dict[str, object]:
  """Trains and evaluates a policy; gives its row."""
  folder = run_folder(policy, seed)
  config = configured(policy, seed)
  times = StepTimes()
  if policy == _REWOUND:
    message = pipeline.pruning_message(config)
    start = config.train_config.fine_tune_checkpoint
    os.makedirs(folder, exist_ok=True)
    rewinding.write(rewinding.from_message(message, start, FLAGS.steps), folder)
  training = model_lib.create_estimator_and_inputs(
    config,
    tf.estimator.RunConfig(
      model_dir=folder,
      tf_random_seed=seed,
      save_checkpoints_steps=max(1, FLAGS.steps // 10),
    ),
    recalibrates=True,
  )
  estimator = training['estimator']
  estimator.train(training['train_input_fn'], [times], max_steps=FLAGS.steps)
  checkpoint = checkpoints.resolve(folder)
  recalibrated = os.path.join(folder, 'recalibrated', 'model.ckpt')
  recalibration.recalibrate(config, checkpoint, FLAGS.batches, recalibrated)
  metrics = estimator.evaluate(
    training['eval_input_fns'][0], checkpoint_path=recalibrated
  )
  return {
    'policy': policy,
    'seed': seed,
    'steps': FLAGS.steps,
    'planned_sparsity': planned(config),
    'measured_sparsity': measured(checkpoint),
    'ap50': metrics[_AP50],
    'seconds_a_step': times.median(),
    'tensorflow': tf.__version__,
  }


def run_folder(policy: str, seed: int) -> str:
  """Names the folder of a run."""
  return os.path.join(FLAGS.runs_dir, f'{policy}-seed{seed}')


def configured(policy: str, seed: int) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives the config that a policy is trained with."""
  config = pipeline.load(FLAGS.pipeline_config_path)
  config.train_config.num_steps = FLAGS.steps
  # All checkpoints stay, so that there is an early one to rewind to.
  config.train_config.keep_checkpoint_every_n_hours = 0
  config.eval_config.metrics_set[:] = ['coco_detection_metrics']
  message = pipeline.pruning_message(config)
  if policy == _REWOUND:
    source = run_folder(_REWOUND_FROM, seed)
    config.train_config.fine_tune_checkpoint = checkpoints.resolve(source)
    early = max(1, FLAGS.steps // 10)
    message.rewind_checkpoint = os.path.join(source, f'model.ckpt-{early}')
  elif POLICIES[policy] is not None:
    text_format.Merge(POLICIES[policy], message)
    message.target_sparsity = FLAGS.sparsity
    moves = message.HasField('regrowth') or message.HasField('schedule')
    message.start_step = 0 if moves else max(2, FLAGS.steps // 10)
    message.end_step = max(message.start_step, int(0.75 * FLAGS.steps))
    message.frequency = min(100 if moves else 10, max(1, FLAGS.steps // 10))
  return config


def planned(config: pipeline_pb2.TrainEvalPipelineConfig) -> float:
  """Gives the sparsity that the last update is to reach; NaN without one."""
  settings = pruning_builder.build(pipeline.pruning_message(config))
  if settings.schedule is None:
    return float('nan')
  plan = settings.method.plan(settings.schedule, masked_network.kernels(config))
  return plan.sparsity_at(settings.schedule.end_step)


def measured(checkpoint: str) -> float:
  """Gives the share of zeros in the masks of a checkpoint."""
  get, shapes = checkpoints.lookup(checkpoint), checkpoints.shapes(checkpoint)
  masks = [get(name) for name in kernels.kernels_with_masks(shapes).values()]
  zeros = sum(int((mask == 0).sum()) for mask in masks)
  return zeros / max(1, sum(mask.size for mask in masks))


def rows() -> List[Dict[str, str]]:
  """Reads the rows that are there."""
  if not os.path.exists(FLAGS.output):
    return []
  with open(FLAGS.output, newline='') as file:
    return list(csv.DictReader(file))


def add_row(row: Dict[str, object]) -> None:
  """Adds a row to the file, with a heading where it is new."""
  is_new = not os.path.exists(FLAGS.output)
  with open(FLAGS.output, 'a', newline='') as file:
    writer = csv.DictWriter(file, COLUMNS)
    if is_new:
      writer.writeheader()
    writer.writerow(row)


if __name__ == '__main__':
  command.run(main)
