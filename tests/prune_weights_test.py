import json
import os
import re
import signal

import detectors
import numpy as np
import processes
import pytest
import small_detector
from PIL import Image

from object_detection_pruning.graphs import freezing, graph_files
from object_detection_pruning.reconstruction import job, outputs

MODULE = 'object_detection_pruning.prune_weights'
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
  """A folder with all that flags name."""
  folder = tmp_path_factory.mktemp('given')
  graph = small_detector.graph_def(detects=True)
  (folder / 'dense.pb').write_bytes(graph.SerializeToString())
  small_detector.write_labels(graph, folder)
  (folder / 'photos').mkdir()
  for number, image in enumerate(small_detector.photos(6)):
    Image.fromarray(image).save(str(folder / 'photos' / f'{number}.png'))
  (folder / 'photos' / 'notes.txt').write_text('no picture')
  (folder / 'empty').mkdir()
  (folder / 'texts').mkdir()
  (folder / 'texts' / 'a').write_text('a')
  (folder / 'texts' / 'b.jpg').write_text('b')
  # A graph of one node.
  (folder / 'lame.pb').write_bytes(b'\x0a\x09\x0a\x01a\x12\x04NoOp')
  thin = small_detector.graph_def(width=4)
  (folder / 'thin.pb').write_bytes(thin.SerializeToString())
  detectors.write(detectors.config(detectors.ssd()), folder / 'config')
  return folder


def _filled(text, folder):
  paths = {
    'EMPTY': f'{folder}/empty',
    'TEXTS': f'{folder}/texts',
    'LAME': f'{folder}/lame.pb',
    'THIN': f'{folder}/thin.pb',
    'RECORD': f'{folder}/val.record',
    'LABELS': f'{folder}/map.pbtxt',
    'CONFIG': f'{folder}/config/pipeline.config',
    'HERE': str(folder),
  }
  return re.sub('|'.join(paths), lambda found: paths[found.group()], text)


def _arguments(folder, out, *more):
  return [
    f'--model={folder}/dense.pb',
    f'--images={folder}/photos',
    f'--output_dir={out}',
    *(_filled(each, folder) for each in more),
  ]


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


def _constants(out):
  """Gives the float constants of the graph in a folder by name."""
  path = os.path.join(str(out), outputs.FROZEN_GRAPH)
  return freezing.constants(graph_files.read(path).graph_def)


@pytest.fixture(scope='module')
def pruned(given, tmp_path_factory):
  """The folder that a run has written, and what it printed."""
  out = tmp_path_factory.mktemp('out')
  (result,) = processes.command(
    MODULE, [_arguments(given, out, '--sparsity=0.5', '--refine_steps=1')]
  )
  assert result.returncode == 0, result.stderr
  return out, result.stdout


def test_report_counts_what_is_no_picture_and_names_what_needs_photos(pruned):
  out, shown = pruned
  with open(str(out / outputs.REPORT)) as file:
    report = json.load(file)
  assert (report['photos'], report['skipped']) == (6, 1)
  assert report['sparsity'] == pytest.approx(0.5, abs=1e-3)
  assert 'from 6 pictures (1 files were no pictures)' in shown
  assert 'down was fitted to 216 positions and has 288 inputs; 8 pictu' in shown
  assert shown.endswith(f'wrote {out}/{outputs.FROZEN_GRAPH}\n')


PARTS = ['costs', 'survey', 'layer 3', 'refinement']


@pytest.fixture(scope='module')
def killed(given, tmp_path_factory):
  """Runs that were killed at each part, at layer 4, and ended: by the part."""
  folder = tmp_path_factory.mktemp('killed')
  flags = ('--sparsity=0.5', '--refine_steps=1')
  results = processes.commands(
    [
      ('killed_pruning', [until, *_arguments(given, folder / part, *flags)])
      for part in PARTS
      for until in (part, 'layer 4', 'never')
    ]
  )
  return {
    part: (folder / part, results[3 * number : 3 * number + 3])
    for number, part in enumerate(PARTS)
  }


@pytest.mark.parametrize('part', PARTS)
def test_a_run_that_was_killed_goes_on_and_gives_equal_results(
  killed, pruned, part
):
  folder, results = killed[part]
  codes = [result.returncode for result in results]
  is_last = part == 'refinement'
  # What ended with the second run is not replaced unasked by the third one.
  ends = [0, 2] if is_last else [-signal.SIGKILL, 0]
  assert codes == [-signal.SIGKILL, *ends]
  ended = results[: 2 if is_last else 3]
  saved = re.findall('saved (.*)', ''.join(each.stderr for each in ended))
  saved = [name for name in saved if name != 'run']
  assert part in saved
  assert len(saved) == len(set(saved)), 'none is made twice'
  assert not (folder / job.PARTS).exists()
  whole, resumed = _constants(pruned[0]), _constants(folder)
  assert set(whole) == set(resumed)
  for name, value in whole.items():
    np.testing.assert_array_equal(resumed[name], value, err_msg=name)


def test_another_run_in_the_folder_of_a_killed_one_is_refused(given, tmp_path):
  _, result = processes.commands(
    [
      (
        'killed_pruning',
        ['costs', *_arguments(given, tmp_path, '--sparsity=0.5')],
      ),
      (MODULE, _arguments(given, tmp_path, '--sparsity=0.6')),
    ]
  )
  assert result.returncode == 2
  assert (
    f'error: {tmp_path}/{job.PARTS} has parts of a run with other photos'
    in result.stderr
  )


def test_pictures_are_made_up_where_there_are_no_photos(given, tmp_path):
  (result,) = processes.command(
    MODULE,
    [
      [
        f'--model={given}/dense.pb',
        f'--output_dir={tmp_path}',
        '--granularity=2:4',
        '--num_images=3',
      ]
    ],
  )
  assert result.returncode == 0, result.stderr
  assert '50.00% zeros in the 1 pruned kernels, from 3 generated pictures' in (
    result.stdout
  )


def test_a_plan_is_printed_and_nothing_is_written(given, tmp_path):
  flags = ['--sparsity=0.5', '--dry_run']
  without = [f'--model={given}/dense.pb', f'--output_dir={tmp_path}/out']
  results = processes.command(
    MODULE,
    [
      _arguments(given, tmp_path / 'out', *flags),
      [*without, *flags, '--reconstruction=none'],
    ],
  )
  for result in results:
    assert result.returncode == 0, result.stderr
    assert '50.00% zeros in the 1 pruned kernels' in result.stdout
  assert 'from 6 pictures' in results[0].stdout
  assert not os.path.exists(str(tmp_path / 'out'))


def test_weights_are_cut_without_photos(given, tmp_path):
  (result,) = processes.command(
    MODULE,
    [
      [
        f'--model={given}/dense.pb',
        f'--output_dir={tmp_path}',
        '--sparsity=0.5',
        '--reconstruction=none',
      ]
    ],
  )
  assert result.returncode == 0, result.stderr
  kernel = _constants(tmp_path)['down/weights']
  assert np.mean(kernel == 0) == 0.5


def test_max_loss_finds_the_sparsest_model_or_says_that_there_is_none(
  given, tmp_path
):
  arguments = _arguments(
    given, tmp_path, '--max_loss=0.1', '--metric=AP50', *EVALUATED
  )
  (found,) = processes.command(MODULE, [arguments])
  assert found.returncode == 0, found.stderr
  lines = found.stdout.splitlines()
  assert lines[0].split() == ['zeros', 'AP50', 'lost']
  assert sum('<- sparsest within the bound' in line for line in lines) == 1
  assert lines[-1] == f'wrote {tmp_path}/{outputs.FROZEN_GRAPH}'
  assert _constants(tmp_path)
  # Next to a dense model of twice the accuracy every run loses half of it.
  known = tmp_path / 'dense' / 'run.json'
  content = json.loads(known.read_text())
  content['metrics']['AP50'] *= 2
  known.write_text(json.dumps(content))
  (none,) = processes.command(MODULE, [[*arguments, '--overwrite']])
  assert none.returncode == 2
  assert none.stderr.splitlines()[-1].startswith(
    'error: none at this bound: 1% zeros lose 50.0'
  )
  assert none.stdout.splitlines()[0].split() == ['zeros', 'AP50', 'lost']
