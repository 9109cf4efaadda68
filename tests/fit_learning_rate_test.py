"""`model_main --fit_learning_rate` beside a run without it."""

import glob
import os

import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.training import run_rates

STEPS = 12
RATE = (
  'cosine_decay_learning_rate { learning_rate_base: 0.008 total_steps: 6 '
  'warmup_learning_rate: 0.004 warmup_steps: 2 }'
)
LINE = 'learning rate fitted to 12 steps: total_steps 6 -> 12, warmup_steps 2 '
WARNING = 'warning: the learning rate is 0 in 50 % of the steps that are left, '


def rates(folder):
  """Gives the learning rates that a training has written, by step."""
  return {
    event.step: value.simple_value
    for path in sorted(glob.glob(os.path.join(folder, 'events*')))
    for event in tf.train.summary_iterator(path)
    for value in event.summary.value
    if value.tag == 'learning_rate'
  }


def train(config, model_dir, *flags):
  (result,) = processes.command(
    'object_detection_pruning.model_main',
    [
      [
        f'--pipeline_config_path={config}',
        f'--model_dir={model_dir}',
        f'--num_train_steps={STEPS}',
        '--save_checkpoints_steps=4',
        *flags,
      ]
    ],
  )
  assert result.returncode == 0, result.stderr
  return result.stderr.splitlines()


@pytest.fixture(scope='module')
def config(tmp_path_factory, data):
  message = detectors.config(detectors.ssd(), data, num_steps=6)
  optimizer = message.train_config.optimizer.momentum_optimizer
  optimizer.ClearField('learning_rate')
  text_format.Parse(RATE, optimizer.learning_rate)
  return detectors.write(message, tmp_path_factory.mktemp('config'))


def cosine(path):
  optimizer = pipeline.load(path).train_config.optimizer.momentum_optimizer
  return optimizer.learning_rate.cosine_decay_learning_rate


def test_stopped_run_goes_on_with_the_rates_that_the_flag_fits(
  config, tmp_path
):
  folder = str(tmp_path)
  written = os.path.join(folder, 'pipeline.config')
  lines = train(config, folder)
  (warning,) = [line for line in lines if line.startswith('warning: the lea')]
  assert warning.startswith(WARNING + 'from step 6 on')
  assert 'total_steps is 6 and the run has 12 steps; --fit_learning_' in warning
  assert lines.index(warning) == lines.index('building the model') - 1
  assert cosine(written) == cosine(config)
  # As if it had been stopped there.
  for pattern in ('model.ckpt-[81]*', 'events*'):
    for path in glob.glob(os.path.join(folder, pattern)):
      os.remove(path)
  checkpoints.name_latest(os.path.join(folder, 'model.ckpt-4'))
  lines = train(config, folder, '--fit_learning_rate')
  assert any(line.startswith(LINE + '-> 1') for line in lines), lines
  assert not any(line.startswith('warning: the learning') for line in lines)
  assert cosine(written).total_steps == STEPS
  ((step, rate),) = rates(folder).items()
  assert 4 <= step < 8
  # What a run reads of the global step may be the step before.
  late, early = run_rates.rates(
    pipeline.load(written).train_config.optimizer, np.array([step, step - 1])
  )
  assert 0.004 < late - 1e-7 <= rate <= early + 1e-7
