"""The run of `model_main` that was killed and went on, and what follows it."""

import glob
import os
import shutil

import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
import trained
from google.protobuf import text_format

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import kernels, thresholds

WARNING = 'Batch norm remembers about 10 steps, but only 3 steps follow'


def masks_of(prefix):
  """Gives {kernel name: mask} of a checkpoint."""
  tensors = checkpoints.read(prefix)
  shapes = {name: array.shape for name, array in tensors.items()}
  return {
    kernel: tensors[mask]
    for kernel, mask in kernels.kernels_with_masks(shapes).items()
  }


def events(folder):
  """Gives the latest value of every scalar tag in the last file of events."""
  path = max(glob.glob(os.path.join(folder, 'events*')))
  return {
    value.tag: value.simple_value
    for event in tf.train.summary_iterator(path)
    for value in event.summary.value
  }


def test_killed_run_goes_on_to_the_exact_sparsity(run):
  latest = checkpoints.resolve(run.model_dir)
  assert os.path.basename(latest) == f'model.ckpt-{trained.LAST_STEP}'
  assert run.killed_at.endswith('model.ckpt-4')
  assert 'training goes on at step 4; the first step' in run.second_log
  # TensorFlow's own log, which --verbose shows.
  for log in (run.first_log, run.second_log):
    assert 'Saving checkpoints' not in log and 'Warning: ' not in log
  masks = masks_of(latest)
  assert len(masks) == 22
  for kernel, mask in masks.items():
    zeros = thresholds.zeros_for(trained.SPARSITY, mask.size)
    assert np.count_nonzero(mask == 0) == zeros, kernel


def test_masks_were_exact_when_it_was_killed(run):
  # The update of step 2 is the last one before the checkpoint of step 4.
  for mask in masks_of(run.killed_at).values():
    zeros = thresholds.zeros_for(0.0, mask.size)
    assert np.count_nonzero(mask == 0) == zeros
  # By the polynomial, (1 - 6/7) ** 3 of the way is left at step 8.
  due = trained.SPARSITY * (1 - (1 / 7) ** 3)
  for mask in masks_of(os.path.join(run.model_dir, 'model.ckpt-8')).values():
    zeros = thresholds.zeros_for(due, mask.size)
    assert np.count_nonzero(mask == 0) == zeros


def test_random_weights_are_those_of_the_seed(run):
  graph_def = tf.GraphDef()
  with open(os.path.join(run.model_dir, 'graph.pbtxt')) as file:
    text_format.Merge(file.read(), graph_def)
  seeds = {
    node.attr['seed'].i
    for node in graph_def.node
    if node.op in ('RandomStandardNormal', 'TruncatedNormal')
  }
  assert seeds == {7}


def test_effective_settings_are_in_the_model_folder(run):
  config = pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))
  message = pipeline.pruning_message(config)
  assert config.train_config.num_steps == trained.LAST_STEP
  assert (
    message.target_sparsity,
    message.start_step,
    message.end_step,
    message.frequency,
  ) == (trained.SPARSITY, 2, 9, 3)
  given = pipeline.load(run.config_path)
  assert not pipeline.pruning_message(given).ListFields()
  given.train_config.num_steps = trained.LAST_STEP
  assert pipeline.without_pruning_message(config) == (
    pipeline.without_pruning_message(given)
  )


def test_stale_batch_norm_is_told_once_with_its_numbers(run):
  for log in (run.first_log, run.second_log):
    assert log.count(WARNING) == 1
  assert '--recalibrate_batch_norm=100' in run.second_log


def test_training_events_show_what_is_pruned(run):
  # The first step after the restart is step 5, that of an update.
  values = events(run.model_dir)
  due = trained.SPARSITY * (1 - (4 / 7) ** 3)
  assert values['pruning/sparsity_of_masked_kernels'] == pytest.approx(
    due, abs=1e-3
  )
  assert values['pruning/sparsity_of_all_kernels'] == pytest.approx(
    0.95 * due, rel=0.1
  )
  layer = 'FeatureExtractor/MobilenetV1/Conv2d_6_pointwise'
  assert values[f'sparsity/{layer}'] == pytest.approx(due, abs=1e-3)
  assert values[f'threshold/{layer}'] > 0
  # What a run reads of the global step may be the step before.
  before = trained.SPARSITY * (1 - (5 / 7) ** 3)
  assert before - 1e-6 <= values['pruning/scheduled_sparsity'] <= due + 1e-6


def test_evaluation_measures_the_sparsity(run):
  values = events(os.path.join(run.model_dir, 'eval_0'))
  assert values['pruning/sparsity_of_masked_kernels'] == pytest.approx(
    trained.SPARSITY, abs=1e-3
  )
  over_all = values['pruning/sparsity_of_all_kernels']
  assert 0.5 < over_all < values['pruning/sparsity_of_masked_kernels']
  assert 'DetectionBoxes_Precision/mAP' in values


def test_evaluation_alone_runs_once_on_the_latest_checkpoint(run, tmp_path):
  result = processes.python(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={run.config_path}',
    f'--model_dir={tmp_path}',
    f'--checkpoint_dir={run.model_dir}',
    '--run_once',
  )
  assert result.returncode == 0, result.stderr
  (line,) = [
    line for line in result.stderr.splitlines() if 'evaluated: ' in line
  ]
  assert line.startswith('evaluated: step 12, mAP 0.')
  assert line.endswith(f'sparsity of masked kernels {trained.SPARSITY:.4f}')
  assert 'Batch norm remembers' not in result.stderr
  values = events(str(tmp_path / 'eval'))
  assert values['pruning/sparsity_of_masked_kernels'] == pytest.approx(
    trained.SPARSITY, abs=1e-3
  )
  assert not glob.glob(str(tmp_path / 'model.ckpt*'))


@pytest.mark.parametrize('once', [True, False])
def test_evaluation_refuses_to_lose_the_masks(run, tmp_path, once):
  config_path = detectors.write(
    detectors.config(detectors.ssd(), run.data), tmp_path / 'config'
  )
  (result,) = processes.command(
    'object_detection_pruning.model_main',
    [
      [
        f'--pipeline_config_path={config_path}',
        f'--model_dir={tmp_path}/model',
        f'--checkpoint_dir={run.model_dir}',
        f'--run_once={once}',
      ]
    ],
  )
  assert result.returncode == 2
  assert result.stderr.splitlines()[-1].startswith(
    f'error: {run.model_dir}/model.ckpt-12 has 22 masks that this config does '
  )


def test_finished_run_is_recalibrated_on_request(run, tmp_path):
  model_dir = str(tmp_path / 'model')
  shutil.copytree(run.model_dir, model_dir)
  before = checkpoints.read(checkpoints.resolve(run.model_dir))
  result = processes.python(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={run.config_path}',
    f'--model_dir={model_dir}',
    *trained.FLAGS,
    '--recalibrate_batch_norm=2',
  )
  assert result.returncode == 0, result.stderr
  assert 'Batch norm remembers' not in result.stderr
  after = checkpoints.read(os.path.join(model_dir, 'model.ckpt-12'))
  changed = [
    name for name in before if not np.array_equal(before[name], after[name])
  ]
  assert changed
  assert all(
    name.rpartition('/')[2] in ('moving_mean', 'moving_variance')
    for name in changed
  )
  assert 'DetectionBoxes_Precision/mAP' in events(
    os.path.join(model_dir, 'eval_recalibrated')
  )
  # What is served has the new statistics, and zeros in place of masks.
  newest = max(glob.glob(os.path.join(model_dir, 'export/Servo/*')))
  served = checkpoints.read(os.path.join(newest, 'variables/variables'))
  for name in changed:
    np.testing.assert_array_equal(served[name], after[name])
  masks = [name for name in after if name.endswith('/mask')]
  assert masks and not set(masks) & set(served)
  for name in masks:
    kernel = name.replace('/mask', '/weights')
    np.testing.assert_array_equal(served[kernel], after[kernel] * after[name])
  reached, then = result.stdout.splitlines()[-2:]
  assert reached.startswith('trained: step 12, mAP ')
  assert reached.endswith(f'sparsity of masked kernels {trained.SPARSITY:.4f}')
  assert then.startswith(
    'next: odp export_inference_graph --pipeline_config_path='
    f'{model_dir}/pipeline.config --checkpoint={model_dir} --output_dir='
  )


def test_model_whose_batch_norm_is_frozen_ends_well_too(run, tmp_path):
  # Stock Faster and Mask R-CNN are such models.
  model_dir = str(tmp_path / 'model')
  shutil.copytree(run.model_dir, model_dir)
  model = detectors.ssd(masked=True).replace('train: true', 'train: false')
  config_path = detectors.write(
    detectors.config(model, run.data), tmp_path / 'config'
  )
  result = processes.python(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={config_path}',
    f'--model_dir={model_dir}',
    *trained.FLAGS,
    '--recalibrate_batch_norm=2',
  )
  assert result.returncode == 0, result.stderr
  (line,) = [
    line for line in result.stderr.splitlines() if 'stays as it is' in line
  ]
  assert line.endswith('trains none of its 70 moving statistics.')
  assert not os.path.exists(os.path.join(model_dir, 'eval_recalibrated'))


def test_training_writes_scalars_under_the_names_of_evaluation(run):
  trained_names = set(events(run.model_dir))
  evaluated = set(events(os.path.join(run.model_dir, 'eval_0')))
  shared = {
    'loss',
    'learning_rate',
    'Loss/total_loss',
    'Loss/classification_loss',
    'Loss/localization_loss',
    'Loss/regularization_loss',
  }
  assert shared <= trained_names & evaluated
  assert not {'loss_1', 'loss_2', 'learning_rate_1'} & trained_names


def test_a_second_training_in_one_folder_is_refused(run, tmp_path):
  model_dir = str(tmp_path / 'model')
  holder = processes.start(
    '-c',
    'import time\n'
    'from object_detection_pruning.common import locks\n'
    f'locks.hold_folder("it", {model_dir!r}, "training")\n'
    'print(1, flush=True)\n'
    'time.sleep(300)',
  )
  try:
    assert holder.stdout.readline() == '1\n'
    (result,) = processes.command(
      'object_detection_pruning.model_main',
      [
        [
          f'--pipeline_config_path={run.config_path}',
          f'--model_dir={model_dir}',
        ]
      ],
    )
  finally:
    holder.kill()
    holder.communicate()
  processes.assert_refused(
    result,
    f'--model_dir {model_dir} is being written by process {holder.pid}: wait',
    alone=False,
  )
