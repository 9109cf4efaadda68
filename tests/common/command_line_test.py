"""What a command says of its flags, and of wrong ones."""

import processes
import pytest

SCRIPT = '''"""Counts things.

Example:
  odp count --model=a.pb
"""
from absl import flags

from object_detection_pruning.common import command, errors
from object_detection_pruning.common import flags as shared_flags

shared_flags.define('model', required=True, note='A note.')
shared_flags.define('output_dir', required=True)
shared_flags.define('recalibrate_batch_norm', 7)
shared_flags.define('include', [])
shared_flags.define('strict', False)
shared_flags.define('min_score', 0.5)
flags.DEFINE_multi_float('shares', [], 'Its shares.')
flags.DEFINE_enum('kind', 'red', ['red', 'green'], 'Its colour.')
FLAGS = flags.FLAGS


def main(_):
  if FLAGS.kind == 'green':
    raise errors.InputError('no green ones\\nmore')
  if FLAGS.model == 'defect':
    raise AssertionError('a defect')
  if FLAGS.model == 'full':
    raise OSError(28, 'No space left on device', '/out/a')
  if FLAGS.model == 'stop':
    raise KeyboardInterrupt
  print(FLAGS.model, FLAGS.output_dir, FLAGS.recalibrate_batch_norm,
        FLAGS.include, FLAGS.strict)


if __name__ == '__main__':
  command.run(main)
'''
GOOD = ['--model=a.pb', '--output_dir=out']
BAD = [
  ([], '--model and --output_dir are needed; --help says more'),
  (GOOD[:1], '--output_dir is needed; --help says more'),
  (GOOD + ['--modle=b'], 'there is no flag --modle; did you mean --model?'),
  (GOOD + ['--xyzzy'], 'there is no flag --xyzzy; --help lists the flags'),
  (
    GOOD + ['--recalibrate_batch_norm=many'],
    "--recalibrate_batch_norm must be a whole number, got 'many'",
  ),
  (
    GOOD + ['--num_batches=1.5'],
    "--recalibrate_batch_norm must be a whole number, got '1.5'",
  ),
  (GOOD + ['--kind=blue'], "--kind must be one of red, green, got 'blue'"),
  (GOOD + ['--strict=maybe'], "--strict must be true or false, got 'maybe'"),
  (GOOD + ['--min_score=nan'], '--min_score must be a finite number, got nan'),
  (GOOD + ['--min_score=-inf'], '--min_score must be a finite number, got'),
  (
    GOOD + ['--shares=1', '--shares=1e999'],
    '--shares must be a finite number, got inf',
  ),
  (GOOD + ['--kind'], '--kind needs a value'),
  (
    GOOD + ['--graph=b.pb'],
    '--model and --graph are two names of one flag: give one',
  ),
  (GOOD + ['b.pb'], 'unexpected argument: b.pb; flags start with --'),
  (GOOD + ['--kind=green'], 'no green ones'),
]


@pytest.fixture(scope='module')
def answers(tmp_path_factory):
  """What the command answers to lists of arguments."""
  folder = tmp_path_factory.mktemp('command')
  (folder / 'count.py').write_text(SCRIPT)

  def answer(argument_lists):
    # A module of that name is found where the script lies.
    return processes.command('count', argument_lists, str(folder))

  return answer


@pytest.fixture(scope='module')
def refusals(answers):
  return answers([arguments for arguments, _ in BAD])


@pytest.mark.parametrize('index', range(len(BAD)))
def test_wrong_flags_are_one_line_and_status_2(refusals, index):
  result = refusals[index]
  assert result.returncode == 2, result.stderr
  assert result.stdout == ''
  (line,) = result.stderr.splitlines()
  assert line.startswith(f'error: {BAD[index][1]}')


@pytest.mark.parametrize('flag', ['--help', '-h', '--helpshort'])
def test_help_shows_example_and_flags_and_is_no_failure(answers, flag):
  (result,) = answers([GOOD + [flag]])
  assert result.returncode == 0, result.stderr
  assert result.stdout == (
    'Counts things.\n\nExample:\n  odp count --model=a.pb\n\nFlags:\n'
    '  --model (needed; or --graph, --input_graph)\n'
    '      Exported model: frozen graph, sparse graph, folder of a SavedModel '
    'or\n      .tflite file. A note.\n'
    '  --output_dir (needed; or --output_directory)\n'
    '      Folder to write to.\n'
    '  --recalibrate_batch_norm (default: 7; or --recalibrate, --num_batches)\n'
    '      Number of training batches to set batch-norm statistics from.\n'
    '  --include\n'
    '      Pattern of layers to take; repeatable. Not set: all layers.\n'
    '  --[no]strict (default: false)\n'
    '      Fail if any record is broken.\n'
    '  --min_score (default: 0.5)\n'
    '      Detections that score less are left out.\n'
    '  --shares\n'
    '      Its shares.\n'
    '  --kind (default: red)\n'
    '      Its colour. One of red, green.\n'
    '  --[no]verbose (default: false)\n'
    "      Show TensorFlow's own log and warnings too.\n"
  )


def test_an_alias_is_the_flag_by_another_name(answers):
  results = answers(
    [
      GOOD,
      [
        '--input_graph=a.pb',
        '--output_directory=out',
        '--recalibrate=3',
        '--include=x',
        '--include=y',
        '--strict',
      ],
    ]
  )
  assert [result.stdout for result in results] == [
    'a.pb out 7 [] False\n',
    "a.pb out 3 ['x', 'y'] True\n",
  ]


def test_a_defect_keeps_its_traceback(answers):
  (result,) = answers([['--model=defect', '--output_dir=out']])
  assert result.returncode == 1
  assert 'Traceback' in result.stderr
  assert 'AssertionError: a defect' in result.stderr


def test_an_interruption_is_one_line(answers):
  (result,) = answers([['--model=stop', '--output_dir=out']])
  assert result.returncode == 130
  assert result.stderr == ('stopped by Ctrl-C; nothing half-written is left\n')


def test_a_fault_of_the_disk_is_one_line(answers):
  (result,) = answers([['--model=full', '--output_dir=out']])
  processes.assert_refused(result, '/out/a: the disk is full: free some space')
