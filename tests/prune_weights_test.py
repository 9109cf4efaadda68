import json
import os
import re
import signal

import numpy as np
import photo_inputs
import processes
import pytest
from photo_inputs import MODULE
from photo_inputs import arguments as _arguments

from object_detection_pruning.graphs import freezing, graph_files
from object_detection_pruning.reconstruction import job, outputs
from object_detection_pruning.sparse_ops import exporting

EVALUATED = ['--eval_record=RECORD', '--label_map_path=LABELS']


@pytest.fixture(scope='module')
def given(tmp_path_factory):
  return photo_inputs.write(tmp_path_factory.mktemp('given'))


def _constants(out):
  """Gives the float constants of the graph in a folder by name."""
  path = os.path.join(str(out), outputs.FROZEN_GRAPH)
  return freezing.constants(graph_files.read(path).graph_def)


@pytest.fixture(scope='module')
def pruned(given, tmp_path_factory):
  """The folder that a run has written, and what it printed."""
  out = tmp_path_factory.mktemp('out')
  (result,) = processes.command(
    MODULE,
    [_arguments(given, out, '--sparsity=0.5', '--refine_steps=1')],
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
      (
        'killed_pruning',
        [until, *_arguments(given, folder / part, *flags)],
      )
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
      (
        MODULE,
        _arguments(given, tmp_path, '--sparsity=0.6'),
      ),
    ]
  )
  assert result.returncode == 2
  assert (
    f'error: {tmp_path}/{job.PARTS} has parts of a run with other photos'
    in result.stderr
  )


def test_pictures_and_mirror_images_are_made_up_without_photos(given, tmp_path):
  (result,) = processes.command(
    MODULE,
    [
      [
        f'--model={given}/dense.pb',
        f'--output_dir={tmp_path}',
        '--granularity=2:4',
        '--num_images=3',
        '--mirror',
      ]
    ],
  )
  assert result.returncode == 0, result.stderr
  assert '50.00% zeros in the 1 pruned kernels, from 6 generated pictures' in (
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
  (tmp_path / exporting.SPARSE_GRAPH).write_text('of another model')
  (found,) = processes.command(MODULE, [arguments])
  assert found.returncode == 0, found.stderr
  assert 'is of an earlier run: pass --sparse_ops' in found.stderr
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
