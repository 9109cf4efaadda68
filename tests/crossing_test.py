"""Files of one stack go on in the other.

Run on each stack, these tests cover both ways.
"""

import json
import os
import shutil
import subprocess
import sys

import detectors
import numpy as np
import other_stack
import processes
import pytest
import trained

from object_detection_pruning.common import checkpoints
from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.export import exporter

PROGRAM = os.path.join(processes.TESTS, 'crossing_program.py')


def test_run_goes_on_with_its_masks(run, tmp_path):
  other_stack.python()
  model_dir = tmp_path / 'model'
  shutil.copytree(run.model_dir, str(model_dir))
  before = checkpoints.read(checkpoints.resolve(str(model_dir)))
  other_stack.run(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={run.config_path}',
    f'--model_dir={model_dir}',
    *trained.FLAGS[1:],
    f'--num_train_steps={trained.LAST_STEP + 2}',
  )
  after = checkpoints.read(checkpoints.resolve(str(model_dir)))
  assert after['global_step'] == trained.LAST_STEP + 2
  assert after.keys() == before.keys()
  masks = [name for name in before if name.endswith('/mask')]
  assert len(masks) > 10
  for name in masks:
    assert np.mean(before[name] == 0) > 0.5
    np.testing.assert_array_equal(after[name], before[name])


def test_checkpoint_is_exported_with_the_same_zeros(run, exported, tmp_path):
  other_stack.run(
    '-m',
    'object_detection_pruning.export_inference_graph',
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--trained_checkpoint_prefix={checkpoints.resolve(run.model_dir)}',
    f'--output_directory={tmp_path}',
  )
  assert_same_tensors(
    os.path.join(exported, 'model.ckpt'), str(tmp_path / 'model.ckpt')
  )


def assert_same_tensors(first, second):
  ours, theirs = checkpoints.read(first), checkpoints.read(second)
  assert theirs.keys() == ours.keys()
  for name, value in ours.items():
    np.testing.assert_array_equal(theirs[name], value)


@pytest.fixture(scope='module')
def narrow(dense, analysis, tmp_path_factory):
  """Folders that each stack pruned into, from this one's sensitivities."""
  other_stack.python()
  ours, theirs = [
    str(tmp_path_factory.mktemp(name)) for name in ('ours', 'theirs')
  ]
  command = [
    '-m',
    'object_detection_pruning.prune_channels',
    f'--pipeline_config_path={dense.path}',
    f'--checkpoint={dense.checkpoint}',
    f'--sensitivities={analysis}',
    '--target_macs=0.9',
    '--recalibrate_batch_norm=0',
  ]
  result = processes.python(*command, f'--output_dir={ours}')
  assert result.returncode == 0, result.stderr
  other_stack.run(*command, f'--output_dir={theirs}')
  return ours, theirs


def read(path):
  with open(path) as file:
    return file.read()


def test_sensitivities_give_the_same_plan_and_network(narrow):
  ours, theirs = narrow
  # Where a network is to be retrained from is its own folder.
  plans, configs = [
    [read(os.path.join(folder, name)).replace(folder, '') for folder in narrow]
    for name in ('plan.json', 'pipeline.config')
  ]
  assert json.loads(plans[0]) == json.loads(plans[1])
  assert 'layer_width' in configs[0]
  assert configs[0] == configs[1]
  assert_same_tensors(
    os.path.join(ours, 'model.ckpt'), os.path.join(theirs, 'model.ckpt')
  )


def test_network_without_channels_is_exported_by_the_other(narrow, tmp_path):
  folder = narrow[0]
  other_stack.run(
    '-m',
    'object_detection_pruning.export_inference_graph',
    f'--pipeline_config_path={folder}/pipeline.config',
    f'--trained_checkpoint_prefix={folder}/model.ckpt',
    f'--output_directory={tmp_path}',
  )
  theirs = checkpoints.read(str(tmp_path / 'model.ckpt'))
  ours = checkpoints.read(os.path.join(folder, 'model.ckpt'))
  assert len(theirs) > 50
  for name, value in theirs.items():
    np.testing.assert_array_equal(value, ours[name])


def test_frozen_graph_detects_the_same(exported, tmp_path):
  other_stack.python()
  image = shapes.generate(3, 0, detectors.IMAGE_SIZE).image
  np.save(str(tmp_path / 'image.npy'), image[None])
  arguments = [
    PROGRAM,
    os.path.join(exported, exporter.FROZEN_GRAPH),
    tmp_path / 'image.npy',
  ]
  other_stack.run(*arguments, tmp_path / 'theirs.npz')
  subprocess.run(
    [sys.executable, *map(str, arguments), str(tmp_path / 'ours.npz')],
    env=processes.environment(),
    check=True,
  )
  ours = np.load(str(tmp_path / 'ours.npz'))
  theirs = np.load(str(tmp_path / 'theirs.npz'))
  assert ours['detection_scores'].max() > 0
  np.testing.assert_allclose(
    theirs['detection_scores'], ours['detection_scores'], atol=1e-4
  )
  np.testing.assert_array_equal(
    theirs['num_detections'], ours['num_detections']
  )
