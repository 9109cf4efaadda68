"""Flags of `prune_weights` that cannot be used are refused in one line."""

import os

import photo_inputs
import processes
import pytest
from photo_inputs import MODULE
from photo_inputs import arguments as _arguments
from photo_inputs import filled as _filled

EVALUATED = ['--eval_record=RECORD', '--label_map_path=LABELS']
BAD_FLAGS = [
  ([], 'give one of --sparsity and --max_loss'),
  (['--sparsity=1'], '--sparsity must be in [0, 1), got 1.0'),
  (['--sparsity=nan'], '--sparsity must be a finite number, got nan'),
  (['--sparsity=half'], "--sparsity must be a number, got 'half'"),
  (
    ['--sparsity=0.995'],
    'no allocation takes away 99.5%: at most 99% can go, with each layer',
  ),
  (
    ['--sparsity=0.995', '--target=macs', '--allocation=uniform'],
    'no allocation takes away 99.5%: at most 99% can go',
  ),
  (
    ['--sparsity=0.5', '--granularity=3'],
    "--granularity must be one of weight, N:M, IxO, channel, got '3'",
  ),
  (
    ['--sparsity=0.6', '--granularity=2:4'],
    '--sparsity must be 0.5',
  ),
  (
    ['--max_loss=0.1', '--granularity=2:4', *EVALUATED],
    '--granularity=2:4 sets the sparsity: leave --max_loss out',
  ),
  (
    ['--target=macs', '--granularity=2:4'],
    '--granularity=2:4 sets the sparsity: leave --target out',
  ),
  (
    ['--allocation=least_cost', '--granularity=2:4'],
    'granularity 2:4 gives every layer the same sparsity, so allocation must '
    'be uniform, got least_cost',
  ),
  (['--granularity=4:4'], 'granularity N:M must have 1 <= N < M <= 32, got 4'),
  (['--sparsity=0.5', '--target=seconds'], '--target must be one of weights'),
  (
    ['--sparsity=0.5', '--images=EMPTY'],
    'the folder EMPTY is empty: put photo',
  ),
  (
    ['--sparsity=0.5', '--images=TEXTS'],
    'no picture in TEXTS: none of the 2 files or examples is one',
  ),
  (
    ['--sparsity=0.5', '--images=/no/photos'],
    "no image, folder or record file at '/no/photos'",
  ),
  (['--sparsity=0.5', '--num_images=0'], '--num_images must be a whole number'),
  (['--sparsity=0.5', '--refine_steps=-1'], '--refine_steps must be a whole'),
  (
    ['--sparsity=0.5', '--refine_batch_size=0'],
    '--refine_batch_size must be a whole number, 1 or more, got 0',
  ),
  (
    ['--sparsity=0.5', '--include=nowhere'],
    "include pattern 'nowhere' is found in no layer that can be pruned; these "
    'are: down',
  ),
  (['--sparsity=0.5', '--exclude=['], 'exclude must be regular expressions'),
  (
    ['--sparsity=0.5', '--exclude=.'],
    'include and exclude leave no layer to prune',
  ),
  (['--sparsity=0.5', '--output_dir=TEXTS/a'], '--output_dir must be a folder'),
  (
    ['--sparsity=0.5', '--output_dir=HERE'],
    '--output_dir must be another fold',
  ),
  (['--sparsity=0.5', '--model='], 'give either --model, or --pipeline_config'),
  (
    ['--sparsity=0.5', '--checkpoint=HERE/model.ckpt'],
    'give either --model, or --pipeline_config_path and --checkpoint',
  ),
  (
    ['--sparsity=0.5', '--model=', '--checkpoint=HERE/model.ckpt'],
    '--pipeline_config_path and --checkpoint go together',
  ),
  (
    ['--sparsity=0.5', '--model=', '--checkpoint=/no', '--config=CONFIG'],
    'no checkpoint at',
  ),
  (
    ['--sparsity=0.5', '--model=/no/graph.pb'],
    "--model must be a file, got '/",
  ),
  (['--sparsity=0.5', '--model=TEXTS/a'], 'TEXTS/a is no '),
  (
    ['--sparsity=0.5', '--model=LAME'],
    'LAME has no input image_tensor or encoded_image_string_tensor or tf_exam',
  ),
  (
    ['--sparsity=0.5', '--model=THIN'],
    'THIN has nothing to prune: no convolution or fully connected kernel of '
    '1000 weights or more',
  ),
  (
    ['--sparsity=0.5', '--max_loss=0.1'],
    'give one of --sparsity and --max_los',
  ),
  (
    ['--max_loss=nan', *EVALUATED],
    '--max_loss must be a finite number, got nan',
  ),
  (['--max_loss=1', *EVALUATED], '--max_loss must be in [0, 1), got 1.0'),
  (
    ['--sparsity=0.5', '--max_loss=0.1', '--reconstruction=none'],
    '--images goes with --reconstruction=least_squares',
  ),
  (
    ['--sparsity=0.5', '--reconstruction=none', '--images=', '--target=macs'],
    '--images goes with --reconstruction=least_squares',
  ),
  (
    ['--sparsity=0.5', '--reconstruction=some'],
    '--reconstruction must be one of least_squares, none',
  ),
  (
    ['--sparsity=0.5', '--criterion=magnitude'],
    '--criterion goes with --reconstruction=none',
  ),
  (
    ['--max_loss=0.1', '--dry_run', *EVALUATED],
    '--max_loss finds its sparsity by pruning, so --dry_run has no plan',
  ),
  (['--max_loss=0.1'], 'give --eval_record and --label_map_path, or a --pipe'),
  (
    ['--max_loss=0.1', '--eval_record=/no', '--label_map_path=LABELS'],
    "no evaluation record at '/no'",
  ),
  (
    ['--max_loss=0.1', '--num_examples=0', *EVALUATED],
    '--num_examples must be a whole number, 1 or more, got 0',
  ),
  (['--sparsity=0.5', *EVALUATED], '--eval_record goes with --max_loss'),
  (['--sparsity=0.5', '--metric=mAP'], '--metric goes with --max_loss'),
  (['--max_loss=0.1', '--metric=AP75'], '--metric must be one of mAP, AP50'),
]


@pytest.fixture(scope='module')
def given(tmp_path_factory):
  return photo_inputs.write(tmp_path_factory.mktemp('given'))


@pytest.fixture(scope='module')
def refusals(given, tmp_path_factory):
  out = tmp_path_factory.mktemp('bad')
  results = processes.command(
    MODULE,
    [
      _arguments(given, out / str(number), *flags)
      for number, (flags, _) in enumerate(BAD_FLAGS)
    ],
  )
  assert os.listdir(str(out)) == []
  return results


@pytest.mark.parametrize('number', range(len(BAD_FLAGS)))
def test_bad_input_gives_one_line_and_leaves_nothing_behind(
  refusals, given, number
):
  expected = _filled(BAD_FLAGS[number][1], given)
  processes.assert_refused(refusals[number], expected, alone=False)
