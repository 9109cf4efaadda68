"""Flags of `model_main`: the answer to each bad one, and those of stock."""

import importlib.util
import os
import re
import sys

import detectors
import processes
import pytest
from object_detection.protos import input_reader_pb2

from object_detection_pruning.common import stacks

GOOD = ['--sparsity=0.5', '--pruning_start_step=2', '--pruning_end_step=9']
STOCK_CONFIG = 'STOCK'
NO_CONFIG = 'NONE'
NO_DATA = 'NO_DATA'
NO_VAL_DATA = 'NO_VAL_DATA'
NO_METRICS = 'NO_METRICS'
NO_MASKS = 'NO_MASKS'
OTHER_MASKS = 'OTHER_MASKS'
SOFT = ['--soft_filter_pruning_ratio=0.4', STOCK_CONFIG]
# Flags, and the beginning of the one line that each must give.
BAD_FLAGS = [
  (['--sparsity=1.5'], '--sparsity must be in [0, 1), got 1.5'),
  (['--sparsity=-0.1'], '--sparsity must be in [0, 1), got -0.1'),
  (['--sparsity=nan'], '--sparsity must be a finite number, got nan'),
  (['--sparsity=1'], '--sparsity must be in [0, 1), got 1.0'),
  (
    GOOD + ['--pruning_start_step=10'],
    'start_step must not be after end_step (9), got 10',
  ),
  (
    GOOD + ['--pruning_end_step=90', '--pruning_start_step=20'],
    'start_step (--pruning_start_step) must be before the last training step '
    '(20), got 20',
  ),
  (
    GOOD + ['--num_train_steps=2'],
    'start_step (--pruning_start_step) must be before the last training step '
    '(2), got 2',
  ),
  (GOOD[:2], 'start_step is 2 but end_step is not set'),
  (GOOD[:1] + GOOD[2:], 'end_step is 9 but start_step is not set'),
  (GOOD[1:], 'start_step is set but target_sparsity (--sparsity) is not'),
  (GOOD + ['--pruning_start_step=-1'], '--pruning_start_step must be'),
  (GOOD + ['--pruning_frequency=0'], '--pruning_frequency must be'),
  (
    GOOD + ['--pruning_frequency=99999999999999999999'],
    '--pruning_frequency must be 2147483647 at most, got 99999999999999999999',
  ),
  (
    GOOD + ['--initial_sparsity=0.6'],
    'initial_sparsity must not be above target_sparsity (0.5), got 0.6',
  ),
  (
    GOOD + ['--criterion=movement', '--pruning_start_step=1'],
    'start_step must be 2 or more with criterion movement',
  ),
  (
    GOOD + ['--regrowth=rigl', '--initial_sparsity=0.2'],
    'initial_sparsity has no meaning in a CONSTANT schedule, got 0.2',
  ),
  (
    GOOD + ['--regrowth=set', '--granularity=2:4'],
    'regrowth set moves single weights, so granularity must be weight',
  ),
  (
    GOOD + ['--regrowth=soft', '--regrowth_share=0.2'],
    'regrowth_share has no meaning with regrowth soft, got 0.2',
  ),
  (['--regrowth_share=2'], '--regrowth_share must be in (0, 1), got 2.0'),
  (
    ['--rewind_checkpoint=nowhere'],
    'rewind_checkpoint has the weights, and the masks are those of the '
    'fine_tune_checkpoint',
  ),
  (['--norewind_step'], 'rewind_step is set but rewind_checkpoint is not'),
  (GOOD + ['--initial_sparsity=inf'], '--initial_sparsity must be a finite'),
  (GOOD + ['--throttle_secs=-1'], '--throttle_secs must be'),
  (GOOD + ['--seed=-1'], '--seed must be a whole number, 0'),
  (GOOD + ['--num_train_steps=0'], '--num_train_steps must be'),
  (GOOD + ['--save_checkpoints_steps=0'], '--save_checkpoints_steps must be'),
  (GOOD + ['--recalibrate_batch_norm=0'], '--recalibrate_batch_norm must be'),
  (
    GOOD + ['--criterion=size'],
    "criterion must be one of magnitude, random, taylor, movement, got 'size'",
  ),
  (
    GOOD + ['--granularity=1:4'],
    'target_sparsity must be 0.75 with granularity 1:4, got 0.5',
  ),
  (
    GOOD + ['--allocation=erk'],
    'allocation must be one of uniform, erdos_renyi_kernel, global, got',
  ),
  (
    GOOD + ['--max_layer_sparsity=1.5'],
    '--max_layer_sparsity must be in [0, 1), got 1.5',
  ),
  (
    GOOD + ['--max_layer_sparsity=0.4', '--allocation=global'],
    'target_sparsity must be 0.4 (max_layer_sparsity) at most',
  ),
  (['--dry_run'], '--dry_run shows which weights masks take'),
  (
    ['--checkpoint=MODEL_DIR', '--dry_run'],
    '--dry_run tells what training prunes',
  ),
  (['--run_once'], '--run_once needs --checkpoint'),
  (['--eval_training_data'], '--eval_training_data needs --checkpoint'),
  (
    ['--max_eval_retries=1'],
    '--max_eval_retries needs '
    + (
      'TensorFlow 2.15'
      if stacks.current() == stacks.CLASSIC
      else '--checkpoint'
    ),
  ),
  (
    ['--checkpoint=MODEL_DIR', '--recalibrate_batch_norm=5'],
    '--recalibrate_batch_norm follows training',
  ),
  (['--checkpoint_dir=MODEL_DIR', '--run_once'], 'no checkpoint'),
  (
    [f'--checkpoint_dir={__file__}'],
    '--checkpoint must be a folder in which checkpoints appear, got ',
  ),
  (
    [f'--checkpoint_dir={__file__}', '--run_once'],
    f'cannot read checkpoint {__file__}: ',
  ),
  (
    GOOD + [STOCK_CONFIG],
    "feature extractor 'ssd_mobilenet_v1' is not masked, so nothing could be",
  ),
  (
    ['--pruning_hparams=target_sparsity=0.9,threshold_decay=0.5'],
    '--pruning_hparams: threshold_decay=0.5 cannot be expressed: each update',
  ),
  (
    ['--pruning_hparams=target_sparsity=0.9', '--sparsity=0.9'],
    '--pruning_hparams and a flag of its own both set target_sparsity',
  ),
  (['--pruning_frequency=5'], 'frequency is set but target_sparsity'),
  (
    ['--sample_1_of_n_eval_examples=0'],
    '--sample_1_of_n_eval_examples must be a whole number, 1 or more, got 0',
  ),
  (
    GOOD + ['--hparams_overrides=learning_speed=1'],
    "hparams_overrides cannot be used, got 'learning_speed=1': Unknown",
  ),
  (
    GOOD + ['--model_dir=/dev/null/model'],
    '--model_dir must be a folder, got /dev/null/model: /dev/null is a file',
  ),
  ([NO_DATA], 'train_input_reader.label_map_path must be a file'),
  (
    GOOD + [NO_VAL_DATA],
    'eval_input_reader names no file that exists: input_path is /no/val.record',
  ),
  (
    [NO_VAL_DATA, '--checkpoint_dir=MODEL_DIR'],
    'eval_input_reader names no file that exists: input_path is /no/val.record',
  ),
  ([NO_METRICS], 'eval_config.metrics_set must be of '),
  (
    [NO_METRICS, '--checkpoint_dir=MODEL_DIR', '--eval_training_data'],
    'eval_config.metrics_set must be of ',
  ),
  ([NO_MASKS], 'train_input_reader.load_instance_masks must be true'),
  (
    [NO_MASKS, '--checkpoint_dir=MODEL_DIR'],
    'eval_input_reader.load_instance_masks must be true',
  ),
  ([OTHER_MASKS], 'train_input_reader: '),
  ([OTHER_MASKS, '--checkpoint_dir=MODEL_DIR'], 'eval_input_reader: '),
  (
    ['--soft_filter_pruning_ratio=1', STOCK_CONFIG],
    '--soft_filter_pruning_ratio must be in (0, 1), got 1.0',
  ),
  (
    SOFT + ['--soft_filter_pruning_frequency=0'],
    '--soft_filter_pruning_frequency must be a whole number, 1 or more, got 0',
  ),
  (
    SOFT + ['--soft_filter_pruning_frequency=21'],
    'soft_filter_pruning.frequency (one pass over the data if not set) must '
    'leave room for a second update by the last training step (20), got 21',
  ),
  (
    SOFT + ['--soft_filter_pruning_max_failure_rate=1'],
    '--soft_filter_pruning_max_failure_rate must be in [0, 1), got 1.0',
  ),
  (
    SOFT + ['--soft_filter_pruning_max_rounds=2'],
    'soft_filter_pruning.max_rounds is 2 but max_failure_rate is not set',
  ),
  (
    ['--soft_filter_pruning_max_rounds=2', STOCK_CONFIG],
    'soft_filter_pruning.max_rounds is set but ratio '
    '(--soft_filter_pruning_ratio) is not',
  ),
  (SOFT + GOOD, 'target_sparsity (--sparsity) is for masks and soft_filter_'),
  (SOFT[:1], 'soft filter pruning is for networks without masks'),
  ([NO_CONFIG], 'no pipeline config at'),
  (['extra'], 'unexpected argument: extra'),
]


def unfit_configs(folder, data):
  """Configs that ask for metrics or masks that are not there, by their name."""
  metrics = detectors.config(detectors.ssd(), data)
  metrics.eval_config.metrics_set[:] = ['open_images_metrics']
  none, other = (
    detectors.config(detectors.faster_rcnn(instance_masks=True), data)
    for _ in range(2)
  )
  for reader in (none.train_input_reader, none.eval_input_reader[0]):
    reader.load_instance_masks = False
  for reader in (other.train_input_reader, other.eval_input_reader[0]):
    reader.mask_type = input_reader_pb2.NUMERICAL_MASKS
  return {
    name: detectors.write(config, folder / name)
    for name, config in (
      (NO_METRICS, metrics),
      (NO_MASKS, none),
      (OTHER_MASKS, other),
    )
  }


@pytest.fixture(scope='module')
def refusals(tmp_path_factory, data):
  """What the command answers to each of the bad flags."""
  folder = tmp_path_factory.mktemp('bad')
  masked = detectors.write(
    detectors.config(detectors.ssd(masked=True), data), folder / 'masked'
  )
  stock = detectors.write(
    detectors.config(detectors.ssd(), data), folder / 'stock'
  )
  no_data = detectors.write(
    detectors.config(
      detectors.ssd(), data._replace(label_map='/no/label_map.pbtxt')
    ),
    folder / 'no_data',
  )
  no_val_data = detectors.write(
    detectors.config(
      detectors.ssd(masked=True), data._replace(val_record='/no/val.record')
    ),
    folder / 'no_val_data',
  )
  others = {
    **unfit_configs(folder, data),
    STOCK_CONFIG: stock,
    NO_CONFIG: '/no/such.config',
    NO_DATA: no_data,
    NO_VAL_DATA: no_val_data,
  }
  model_dirs, argument_lists = [], []
  for index, (flags, _) in enumerate(BAD_FLAGS):
    config = masked
    for name in others.keys() & flags:
      config = others[name]
    model_dir = str(folder / f'model-{index}')
    model_dirs.append(model_dir)
    argument_lists.append(
      [f'--pipeline_config_path={config}', f'--model_dir={model_dir}']
      + [
        flag.replace('MODEL_DIR', model_dir)
        for flag in flags
        if flag not in others
      ]
    )
  results = processes.command(
    'object_detection_pruning.model_main', argument_lists
  )
  return [
    (result, os.path.exists(model_dir))
    for result, model_dir in zip(results, model_dirs)
  ]


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_flags_give_one_line_and_leave_nothing_behind(refusals, index):
  result, model_dir_exists = refusals[index]
  processes.assert_refused(result, BAD_FLAGS[index][1])
  assert not model_dir_exists


def test_tells_the_c_library_to_keep_memory_unless_switched_off(tmp_path, data):
  config = detectors.config(detectors.ssd(masked=True), data)
  model_dir = tmp_path / 'model'
  result = processes.python(
    *('-m', 'object_detection_pruning.model_main'),
    f'--pipeline_config_path={detectors.write(config, tmp_path)}',
    f'--model_dir={model_dir}',
    ODP_KEEP_MEMORY='no',
  )
  processes.assert_refused(result, "ODP_KEEP_MEMORY must be 0 or 1, got 'no'")
  assert not model_dir.exists()


def test_takes_every_flag_of_the_stock_command():
  # Not imported, since its flags would be defined in this process.
  path = importlib.util.find_spec('object_detection.model_main').origin
  with open(path) as source:
    names = re.findall(r"flags.DEFINE_\w+\(\s*'(\w+)'", source.read())
  assert len(names) == 9
  (result,) = processes.command(
    'object_detection_pruning.model_main', [['--helpfull']]
  )
  for name in names:
    assert re.search(rf'--(\[no\])?{name}:', result.stdout), name


def test_evaluation_without_a_last_step_waits_for_more_checkpoints():
  program = """
from absl import flags
from object_detection_pruning import model_main
from object_detection import model_lib
flags.FLAGS(['', '--pipeline_config_path=a', '--model_dir=b', '--checkpoint=c'])
model_lib.continuous_eval = lambda *given: print('until', given[3])
model_main.evaluate(
  {'estimator': None, 'eval_input_fns': [None], 'train_steps': None}
)
"""
  result = processes.python('-c', program)
  assert result.stdout == f'until {sys.maxsize}\n', result.stderr
