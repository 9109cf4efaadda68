"""`benchmarks/sensitivity/accuracy.sh`: with a Python that notes its arguments.

Only what its models are retrained from is written by the real one.
"""

import importlib.util
import os

import detectors
import fake_python
import numpy as np
import processes
import pytest

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.sensitivity import fingerprints

FOLDER = os.path.join(processes.ROOT, 'benchmarks', 'sensitivity')


@pytest.fixture
def run(tmp_path):
  """Runs the script; gives its result and what it started, with arguments."""
  python = fake_python.FakePython(tmp_path / 'python')
  curves = tmp_path / 'curves.json'
  curves.write_text('{}')

  def start(steps, *losses, **environment):
    return python.run(
      os.path.join(FOLDER, 'accuracy.sh'),
      *('a.config', 'b.ckpt', str(curves), str(tmp_path / 'out'), steps),
      *losses,
      PYTHON=str(tmp_path / 'python'),
      **environment,
    )

  return start


def test_all_are_retrained_alike_and_compared(run, tmp_path):
  result, started = run('30', '0.1', BATCHES='7')
  assert result.returncode == 0, result.stderr
  out = str(tmp_path / 'out')
  runs = [command for command in started if command[0] == 'model_main']
  models = ['control', 'loss 0.1', 'uniform as 0.1']
  assert [flags[1:] for flags in runs] == [
    (
      f'--pipeline_config_path={out}/{config}/pipeline.config',
      f'--model_dir={out}/{name}/model',
      '--num_train_steps=30',
      '--recalibrate_batch_norm=7',
    )
    for name, config in zip(
      models, ['start'] + [f'{name}/narrow' for name in models[1:]]
    )
  ]
  # All inherit the learning rates of one config.
  assert started[0] == (
    'retraining_start.py', 'a.config', 'b.ckpt', '30', f'{out}/start'
  )  # fmt: skip
  pruned = [command for command in started if command[0] == 'prune_channels']
  for command in pruned:
    assert f'--pipeline_config_path={out}/start/pipeline.config' in command
    assert f'--checkpoint={out}/start/model.ckpt' in command
    assert '--recalibrate_batch_norm=7' in command
  assert '--eval_metric_loss=0.1' in pruned[0]
  assert '--target_macs=0.6' in pruned[1]
  (compared,) = [c for c in started if c[0] == 'compare_models']
  paths = {
    'dense': 'dense/export',
    'dense retrained': 'control/retrained',
    'loss 0.1': 'loss 0.1/pruned',
    'loss 0.1 retrained': 'loss 0.1/retrained',
    'uniform as 0.1': 'uniform as 0.1/pruned',
    'uniform as 0.1 retrained': 'uniform as 0.1/retrained',
  }
  assert compared[-1] == '--models=' + ','.join(
    f'{name}={out}/{path}/frozen_inference_graph.pb'
    for name, path in paths.items()
  )
  assert f'--output_dir={out}' in compared
  exports = [c[-1] for c in started if c[0] == 'export_inference_graph']
  assert {f'--output_dir={out}/{p}' for p in paths.values()} == set(exports)


def test_what_is_done_is_not_redone_and_other_settings_do_not_mix(run):
  run('30', '0.1')
  result, started = run('30', '0.1')
  assert [command[0] for command in started] == ['compare_models']
  result, started = run('31', '0.1')
  assert result.returncode == 2
  assert result.stderr.startswith(b'error: ')
  assert b'holds a run with other settings' in result.stderr
  assert not started


def test_it_starts_from_the_dense_model_with_rates_fitted(tmp_path):
  config = detectors.config(
    detectors.ssd(masked=True), pruning='target_sparsity: 0.5'
  )
  rate = config.train_config.optimizer.momentum_optimizer.learning_rate
  cosine = rate.cosine_decay_learning_rate
  cosine.learning_rate_base, cosine.total_steps = 0.016, 600
  cosine.warmup_learning_rate, cosine.warmup_steps = 0.002, 60
  layer = 'FeatureExtractor/MobilenetV1/Conv2d_0/'
  tensors = {
    layer + 'weights': np.array([[1.0, -2.0]], np.float32),
    layer + 'mask': np.array([[0.0, 1.0]], np.float32),
    layer + 'threshold': np.float32(1.5),
  }
  checkpoints.write(str(tmp_path / 'a.ckpt'), tensors)
  path = detectors.write(config, tmp_path / 'masked')
  start = _retraining_start()
  start.write(path, str(tmp_path / 'a.ckpt'), 50, str(tmp_path / 'out'))
  written = pipeline.load(str(tmp_path / 'out' / 'pipeline.config'))
  assert written.model == pipeline.as_dense(config).model
  assert not pipeline.pruning_message(written).ListFields()
  assert fingerprints.of_model(written) == fingerprints.of_model(config)
  train = written.train_config
  assert train.num_steps == 50
  rate = train.optimizer.momentum_optimizer.learning_rate
  cosine = rate.cosine_decay_learning_rate
  assert cosine.learning_rate_base == pytest.approx(0.008)
  assert (cosine.total_steps, cosine.warmup_steps) == (50, 5)
  read = checkpoints.read(train.fine_tune_checkpoint)
  assert list(read) == [layer + 'weights']
  assert read[layer + 'weights'].tolist() == [[0.0, -2.0]]


def _retraining_start():
  spec = importlib.util.spec_from_file_location(
    'retraining_start',
    os.path.join(processes.ROOT, 'benchmarks', 'retraining_start.py'),
  )
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module
