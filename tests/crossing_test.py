"""Files of one stack go on in the other.

Run on each stack, these tests cover both ways.
"""

import os
import shutil
import subprocess
import sys

import detectors
import numpy as np
import other_stack
import processes
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
  theirs = checkpoints.read(str(tmp_path / 'model.ckpt'))
  ours = checkpoints.read(os.path.join(exported, 'model.ckpt'))
  assert theirs.keys() == ours.keys()
  for name, value in ours.items():
    np.testing.assert_array_equal(theirs[name], value)


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
