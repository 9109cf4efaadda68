"""Flags of `prune_channels` that cannot be, each refused in one line."""

import os

import channel_inputs
import processes
import pytest
from channel_inputs import MODULE, POINTWISE

RECALIBRATES = ['--recalibrate_batch_norm=1']
BAD_FLAGS = [
  (['--ratio=1'], '--ratio must be in (0, 1), got 1.0'),
  (['--ratio=0'], '--ratio must be in (0, 1), got 0.0'),
  (['--target_macs=1.5'], '--target_macs must be in (0, 1), got 1.5'),
  ([], 'give one of --ratio, --ratios_path, --target_params, --target_macs'),
  (['--ratio=0.5', '--target_macs=0.5'], 'give one of --ratio'),
  (['--ratio=0.5', '--round_to=0'], 'round_to must be a whole number'),
  (['--ratio=0.5', '--min_channels=0'], 'min_channels must be a whole'),
  (['--ratio=0.5', '--checkpoint=/no/model.ckpt'], 'no checkpoint at'),
  (['--ratio=0.5', '--include=Conv9'], "include pattern 'Conv9' is found in"),
  (['--ratio=0.5', '--exclude=['], 'exclude must be regular expressions'),
  (
    ['--ratio=0.5', '--include=BoxEncodingPredictor'],
    "include pattern 'BoxEncodingPredictor' finds no channels that can go",
  ),
  (['--ratio=0.97'], 'the plan would empty '),
  (['--ratio=nan'], '--ratio must be a finite number, got nan'),
  (['--target_params=0'], '--target_params must be in (0, 1), got 0.0'),
  (['--target_latency=1'], '--target_latency must be in (0, 1), got 1.0'),
  (
    ['--target_params=0.001'],
    'the target 0.001 cannot be reached: 0.0',
  ),
  (
    ['--ratio=0.3', '--round_to=512'],
    'the plan removes nothing: raise the ratio, or lower round_to and',
  ),
  (['--ratio=0.5', '--taylor_batches=0'], '--taylor_batches must be a whole'),
  (['--ratio=0.5', '--recalibrate_batch_norm=-1'], '--recalibrate_batch_norm'),
  (['--ratio=0.5', '--output_dir='], '--output_dir is needed, or --dry_run'),
  (
    ['--ratio=0.5', '--output_dir=PLAIN'],
    '--output_dir must be a folder, got',
  ),
  (
    ['--ratio=0.5', '--pipeline_config_path=NODATA', *RECALIBRATES],
    'train_input_reader names no file that exists: input_path is not set; '
    'batch norm is re-calibrated from it: mend the config, or pass ',
  ),
  (
    ['--ratio=0.5', '--pipeline_config_path=EMPTY', *RECALIBRATES],
    'train_input_reader names files without a single example, such as /',
  ),
  (
    ['--ratio=0.5', '--pipeline_config_path=EMPTY', '--importance=taylor'],
    'train_input_reader names files without a single example, such as /',
  ),
  (
    ['--ratio=0.5', '--output_dir=FOLDER'],
    '--output_dir must be another folder than that of FOLDER/model.ckpt',
  ),
  (
    ['--ratio=0.5', '--output_dir=FOLDER/link'],
    '--output_dir must be another folder than that of FOLDER/model.ckpt',
  ),
  (
    [
      '--ratio=0.5',
      '--pipeline_config_path=NODATA',
      '--output_dir=FOLDER/no_data',
    ],
    'FOLDER/no_data/pipeline.config is read as well: choose another name',
  ),
  (
    ['--ratio=0.5', '--pipeline_config_path=UNTRAINED', *RECALIBRATES],
    'train_config.optimizer is not set',
  ),
  (
    ['--ratio=0.5', '--exclude=.'],
    'no channels are left to prune; ',
  ),
  (['--ratios=GOOD', '--global_ranking'], '--global_ranking does not go with'),
  (['--ratios=GOOD', '--ratio=0.5'], 'give one of --ratio, --ratios_path, '),
  (
    ['--ratios=/no/such.json'],
    "--ratios_path must be a JSON file of layer pattern to ratio, got '/no/su",
  ),
  (
    ['--ratios=0.5'],
    "--ratios_path must be a JSON file of layer pattern to ratio, got '0.5': "
    'for one ratio of all groups give --ratio=0.5',
  ),
  (['--ratios=PLAIN'], 'PLAIN is no JSON: '),
  (['--ratios=LIST'], 'LIST must be a JSON object of layer pattern to ratio'),
  (['--ratios=HIGH'], 'HIGH: Conv2d_1_pointwise must be in (0, 1), got 1'),
  (['--ratios=WORD'], "WORD: Conv2d_1_pointwise must be a number: 'half'"),
  (['--ratios=NOWHERE'], "ratios: the pattern 'Conv9' is found in no layer"),
  (
    ['--ratio=0.5', '--importance=reconstruction'],
    '--importance=reconstruction needs --reconstruct',
  ),
  (
    ['--ratio=0.5', '--reconstruct=/no/photos'],
    "no image, folder or record file at '/no/photos'",
  ),
  (['--ratio=0.5', '--num_images=0'], '--num_images must be a whole number'),
  (
    ['--ratio=0.5', '--pipeline_config_path=OTHER'],
    'the checkpoint does not fit the pipeline config: ',
  ),
  (
    ['--ratio=0.5', '--checkpoint=FOLDER/broken.ckpt'],
    'FOLDER/broken.ckpt has values that are NaN or infinite, in '
    f'{POINTWISE}/weights (2): ',
  ),
]


@pytest.fixture(scope='module')
def trained(tmp_path_factory, data):
  return channel_inputs.write(tmp_path_factory.mktemp('dense'), data)


@pytest.fixture(scope='module')
def refusals(trained, tmp_path_factory):
  out = tmp_path_factory.mktemp('bad')
  results = processes.command(
    MODULE,
    [
      channel_inputs.arguments(trained, f'--output_dir={out}/{index}')
      + ['--recalibrate_batch_norm=0']
      + [channel_inputs.with_paths(flag, trained) for flag in flags]
      for index, (flags, _) in enumerate(BAD_FLAGS)
    ],
  )
  assert os.listdir(str(out)) == []
  return results


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_input_gives_one_line_and_leaves_nothing_behind(
  refusals, trained, index
):
  expected = channel_inputs.with_paths(BAD_FLAGS[index][1], trained)
  processes.assert_refused(refusals[index], expected, alone=False)
