"""Prunes, retrains and exports a detector as a user does, by commands."""

import json

import exported_graphs
import numpy as np
import processes
import pytest

from object_detection_pruning.common import checkpoints

# Each command has tests of its own as well.
pytestmark = pytest.mark.slow
RATIO = 0.5
STEPS = 2


def _run(name, *flags):
  module = f'object_detection_pruning.{name}'
  result = processes.python('-m', module, *flags)
  assert result.returncode == 0, result.stderr


@pytest.fixture(scope='module')
def folder(run, tmp_path_factory):
  """A folder with the pruned, the retrained and the exported detector."""
  path = tmp_path_factory.mktemp('channels')
  config = f'--pipeline_config_path={path}/pruned/pipeline.config'
  _run(
    'prune_channels',
    f'--pipeline_config_path={run.config_path}',
    f'--checkpoint={run.model_dir}',
    f'--output_dir={path}/pruned',
    f'--ratio={RATIO}',
    '--importance=taylor',
    '--taylor_batches=2',
    '--recalibrate_batch_norm=1',
  )
  _run(
    'model_main',
    config,
    f'--model_dir={path}/retrained',
    f'--num_train_steps={STEPS}',
  )
  _run(
    'export_inference_graph',
    config,
    f'--trained_checkpoint_prefix={path}/retrained',
    f'--output_directory={path}/exported',
    '--input_shape=1,96,96,3',
  )
  return path


@pytest.fixture(scope='module')
def plan(folder):
  return json.loads((folder / 'pruned/plan.json').read_text())


def test_retraining_starts_from_the_narrow_weights(folder):
  before = checkpoints.read(f'{folder}/pruned/model.ckpt')
  after = checkpoints.read(f'{folder}/retrained/model.ckpt-{STEPS}')
  name = 'FeatureExtractor/MobilenetV1/Conv2d_5_pointwise/weights'
  assert before[name].shape == after[name].shape
  change = np.abs(after[name] - before[name])
  # Fresh weights would differ by about as much as they are large.
  assert change.max() > 0
  assert change.mean() < 0.2 * np.abs(before[name]).mean()


def test_exported_graph_has_the_size_and_work_of_the_plan(folder, plan):
  after = plan['after']
  assert exported_graphs.size_and_work(str(folder / 'exported')) == (
    after['params'],
    after['macs'],
  )
  assert after['params'] < 0.6 * plan['before']['params']


def test_exported_layers_have_the_widths_of_the_plan(folder, plan):
  widths = exported_graphs.widths(str(folder / 'exported'))
  kept = {
    layer: len(group['kept'])
    for group in plan['groups']
    if not group['not_prunable']
    for layer in group['layers']
  }
  pruned = {
    name: filters
    for name, filters in widths.items()
    if name.rpartition('/')[0] in kept
  }
  assert len(pruned) > 15
  for name, filters in pruned.items():
    assert filters == kept[name.rpartition('/')[0]], name
  sizes = {
    group['channels']: len(group['kept'])
    for group in plan['groups']
    if not group['not_prunable']
  }
  assert sizes == {size: round(size * RATIO) for size in sizes}
