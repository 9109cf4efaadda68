"""Files of one stack go on in the other.

Run on each stack, these tests cover both ways.
"""

import copy
import json
import os
import shutil

import analyses
import detectors
import numpy as np
import other_stack
import processes
import pytest
import trained

from object_detection_pruning.common import checkpoints
from object_detection_pruning.dataset_tools import shapes

# Each starts processes of two environments, slow ones on a busy machine.
pytestmark = pytest.mark.timeout(1800)

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


def test_exported_graphs_detect_the_same(exported, tmp_path):
  other_stack.python()
  image = shapes.generate(3, 0, detectors.IMAGE_SIZE).image
  np.save(str(tmp_path / 'image.npy'), image[None])
  arguments = [PROGRAM, exported, tmp_path / 'image.npy']
  other_stack.run(*arguments, tmp_path / 'theirs.npz')
  result = processes.python(*arguments, tmp_path / 'ours.npz')
  assert result.returncode == 0, result.stderr
  ours = np.load(str(tmp_path / 'ours.npz'))
  theirs = np.load(str(tmp_path / 'theirs.npz'))
  assert sorted(theirs) == sorted(ours)
  kinds = {name.split('/')[0] for name in ours}
  assert kinds == {'frozen', 'saved_model', 'sparse'}
  for kind in kinds:
    for found in (ours, theirs):
      assert found[f'{kind}/detection_scores'].max() > 0
      np.testing.assert_allclose(
        found[f'{kind}/detection_scores'],
        ours['frozen/detection_scores'],
        atol=1e-4,
      )
      np.testing.assert_array_equal(
        found[f'{kind}/num_detections'], ours['frozen/num_detections']
      )


def test_analysis_that_was_stopped_goes_on(dense, analysis, tmp_path):
  other_stack.python()
  with open(analysis) as file:
    whole = json.load(file)
  known = [layer for layer in whole['layers'] if layer['points']]
  assert len(known) > 1
  stopped = copy.deepcopy(whole)
  lost = [layer for layer in stopped['layers'] if layer['points']][-1]
  lost['points'] = {}
  output = str(tmp_path / 'sensitivities.json')
  with open(output, 'w') as file:
    json.dump(stopped, file)
  other_stack.run(
    '-m', analyses.ANALYZE, *dense.arguments(output, *analyses.FLAGS)
  )
  with open(output) as file:
    found = json.load(file)
  assert found['setup'] == whole['setup']
  assert found['baseline'] == whole['baseline']
  for ours, theirs in zip(whole['layers'], found['layers']):
    assert theirs['points'].keys() == ours['points'].keys()
    for ratio, values in ours['points'].items():
      if ours['name'] != lost['name']:
        assert theirs['points'][ratio] == values
      else:
        assert theirs['points'][ratio] == pytest.approx(values, rel=1e-3)
