import json
import os
import re

import channel_inputs
import detectors
import numpy as np
import processes
import pytest
from channel_inputs import MODULE, POINTWISE

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints


@pytest.fixture(scope='module')
def trained(tmp_path_factory, data):
  return channel_inputs.write(tmp_path_factory.mktemp('dense'), data)


def _kept(stdout):
  """Gives {group: (channels, kept)} of the plan that was printed."""
  rows = [line.split() for line in stdout.splitlines()]
  return {
    row[0].rpartition('/')[2]: (int(row[1]), int(row[2]))
    for row in rows
    if len(row) == 4 and row[1].isdigit()
  }


@pytest.fixture(scope='module')
def dry_runs(trained):
  """What the command prints with flags that it takes."""
  flags = {
    'ratios': ['--ratios=GOOD'],
    'ranked': ['--ratio=0.5', '--global_ranking', '--min_channels=2'],
    'macs': ['--target_macs=0.6', '--importance=fpgm', '--include=pointwise$'],
    'groups': ['--ratio=0.5', '--importance=batch_norm', '--print_groups'],
  }
  results = processes.command(
    MODULE,
    [
      channel_inputs.arguments(trained, '--dry_run')
      + [channel_inputs.with_paths(flag, trained) for flag in each]
      for each in flags.values()
    ],
  )
  for result in results:
    assert result.returncode == 0, result.stderr
  return {name: result.stdout for name, result in zip(flags, results)}


def test_kernels_are_refitted_on_photos_and_nothing_is_recalibrated(
  trained, data, tmp_path
):
  out = str(tmp_path / 'narrow')
  result = processes.python(
    '-m',
    MODULE,
    *channel_inputs.arguments(
      trained, '--target_params=0.7', f'--output_dir={out}'
    ),
    '--importance=reconstruction',
    '--global_ranking',
    f'--reconstruct={data.val_record}',
  )
  assert result.returncode == 0, result.stderr
  assert 'kernels were refitted on 2 pictures' in result.stdout
  assert 'batch-norm statistics' not in result.stdout
  with open(os.path.join(out, 'plan.json')) as file:
    plan = json.load(file)
  assert plan['after']['params'] <= 0.7 * plan['before']['params']
  old = checkpoints.read(str(trained / 'model.ckpt'))
  new = checkpoints.read(os.path.join(out, 'model.ckpt'))
  changed = [
    name
    for name, value in new.items()
    if name.endswith('/weights') and value.shape == old[name].shape
    if np.any(value != old[name])
  ]
  assert changed, 'kernels behind narrow layers make up for what went'


def test_writes_narrow_checkpoint_config_and_plan(trained, tmp_path):
  out = str(tmp_path / 'narrow')
  result = processes.python(
    '-m',
    MODULE,
    *channel_inputs.arguments(
      trained, '--target_params=0.5', f'--output_dir={out}'
    ),
    '--round_to=4',
    '--exclude=Conv2d_0$',
    '--recalibrate_batch_norm=1',
  )
  assert result.returncode == 0, result.stderr
  with open(os.path.join(out, 'plan.json')) as file:
    plan = json.load(file)
  share = plan['after']['params'] / plan['before']['params']
  assert 0.4 < share <= 0.5
  kept = {entry['group']: entry['kept'] for entry in plan['groups']}
  assert len(kept['FeatureExtractor/MobilenetV1/Conv2d_0']) == 8
  old = checkpoints.read(str(trained / 'model.ckpt'))
  new = checkpoints.read(os.path.join(out, 'model.ckpt'))
  kernel = POINTWISE + '/weights'
  left = kept[POINTWISE]
  assert len(left) % 4 == 0
  assert 0 < len(left) < 16
  np.testing.assert_array_equal(new[kernel], old[kernel][..., left])
  np.testing.assert_array_equal(new[kernel + '/Momentum'], 2 * new[kernel])
  assert new['global_step'] == 7
  config = pipeline.load(os.path.join(out, 'pipeline.config'))
  widths = {
    width.layer: (width.filters, width.dense_filters)
    for width in pipeline.pruning_message(config).layer_width
  }
  assert widths[POINTWISE] == (len(left), 16)
  assert config.train_config.fine_tune_checkpoint == out + '/model.ckpt'
  # The dense model had other steps than what follows.
  assert pipeline.pruning_message(config).fit_learning_rate
  assert f'odp model_main --pipeline_config_path={out}/pipe' in result.stdout
  # Re-calibration sets the statistics from images, which random ones are not.
  mean = 'FeatureExtractor/MobilenetV1/Conv2d_0/BatchNorm/moving_mean'
  assert not np.array_equal(new[mean], old[mean])
  assert 'batch-norm statistics set from 1 training batches' in result.stdout


def test_dry_run_prints_the_plan_and_writes_nothing(trained):
  before = sorted(os.listdir(str(trained)))
  result = processes.python(
    '-m', MODULE, *channel_inputs.arguments(trained, '--ratio=0.5', '--dry_run')
  )
  assert result.returncode == 0, result.stderr
  assert 'parameters: 0.372 M -> ' in result.stdout
  (line,) = re.findall('.* groups stay, such as .*', result.stdout)
  assert line.endswith('(--print_groups and plan.json have all reasons)')
  assert sorted(os.listdir(str(trained))) == before


def test_file_of_ratios_prunes_only_what_it_names(dry_runs):
  kept = _kept(dry_runs['ratios'])
  changed = {name: pair for name, pair in kept.items() if pair[0] != pair[1]}
  assert changed == {
    'Conv2d_1_pointwise': (16, 8),
    'Conv2d_10_pointwise': (128, 96),
    'Conv2d_11_pointwise': (128, 96),
    'Conv2d_12_pointwise': (256, 192),
  }


def test_global_ranking_takes_a_share_of_all_channels(dry_runs):
  kept = _kept(dry_runs['ranked'])
  channels = sum(pair[0] for pair in kept.values())
  # Those that stay for the sake of min_channels come on top.
  assert 0.5 <= sum(pair[1] for pair in kept.values()) / channels < 0.55
  assert min(pair[1] for pair in kept.values()) >= 2
  shares = {round(left / size, 2) for size, left in kept.values()}
  assert len(shares) > 5


def test_target_is_met_within_what_is_included(dry_runs):
  kept = _kept(dry_runs['macs'])
  touched = {name for name, pair in kept.items() if pair[0] != pair[1]}
  assert touched == {f'Conv2d_{number}_pointwise' for number in range(1, 14)}
  (share,) = re.findall(r'MACs: .* \(([0-9.]+)% left\)', dry_runs['macs'])
  assert 58 < float(share) <= 60


def test_groups_are_printed_with_what_holds_them(dry_runs):
  text = dry_runs['groups']
  assert f'{POINTWISE}: 16 channels\n  filters 0..15 on axis 3 of ' in text
  assert f'  slices 0..15 on axis 0 of {POINTWISE}/BatchNorm/gamma' in text
  assert 'BoxPredictor_0/ClassPredictor: ' in text


@pytest.mark.slow
def test_frozen_batch_norm_needs_no_training_data(trained, tmp_path):
  model = detectors.ssd().replace('train: true', 'train: false')
  path = detectors.write(detectors.config(model), tmp_path / 'frozen')
  (result,) = processes.command(
    MODULE,
    [
      channel_inputs.arguments(
        trained, '--ratio=0.5', f'--output_dir={tmp_path}/out'
      )
      + [f'--pipeline_config_path={path}']
    ],
  )
  assert result.returncode == 0, result.stderr
  assert 'batch norm is frozen, so its statistics stay as they are' in (
    result.stdout
  )


def test_graph_of_unknown_ops_gives_one_line(trained, tmp_path):
  script = os.path.join(processes.TESTS, 'channels/unknown_op_command.py')
  result = processes.python(
    script,
    MODULE,
    *channel_inputs.arguments(trained, '--ratio=0.5', '--dry_run'),
  )
  assert result.returncode == 2
  (line,) = [each for each in result.stderr.splitlines() if 'error: ' in each]
  assert line.startswith('error: no channels are left to prune; ')
  assert line.endswith('/running, an op that is not known (Cumsum)')
  assert 'Traceback' not in result.stderr
