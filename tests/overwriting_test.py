"""No command replaces what is there without --overwrite, and each says so.

Commands that can be killed go on with what their own earlier run left instead.
"""

import processes
import pytest

from object_detection_pruning import __main__ as front_door
from object_detection_pruning.common import flags as shared_flags

INPUTS = {
  'model.pb': '',
  'model.ckpt.index': '',
  'pipeline.config': '',
  'image.jpg': '',
  'annotations.json': '{}',
}
CHECKPOINT = ['--checkpoint=IN/model.ckpt', '--config=IN/pipeline.config']
# By command: its arguments, and what it would write first.
WRITES = {
  'create_shapes_tf_record': ([], 'train.record'),
  'create_voc_tf_record': (
    ['--data_dir=IN', '--output_path=OUT/val.record'],
    'val.record',
  ),
  'create_coco_tf_record': (
    [
      '--image_dir=IN',
      '--annotations_file=IN/annotations.json',
      '--output_path=OUT/val.record',
    ],
    'val.record',
  ),
  'recalibrate_batch_norm': (CHECKPOINT, 'model.ckpt.index'),
  'prune_weights': (
    ['--model=IN/model.pb', '--sparsity=0.5'],
    'frozen_inference_graph.pb',
  ),
  'prune_channels': (CHECKPOINT + ['--ratio=0.5'], 'plan.json'),
  'plot_sensitivity': (['--sensitivities=IN/none.json'], 'report.html'),
  'allocate_sparsity': (
    [CHECKPOINT[1], '--sensitivities=IN/none.json', '--target_macs=0.5'],
    'pipeline.config',
  ),
  'export_inference_graph': (CHECKPOINT, 'saved_model'),
  'export_sparse_graph': (
    ['--model=IN/model.pb', '--output_path=OUT/sparse.pb'],
    'sparse.pb',
  ),
  'export_tflite': (CHECKPOINT, 'model.json'),
  'strip_pruning_vars': (['--model=IN/model.pb'], 'stripped.pb'),
  'detect': (['--model=IN/model.pb', '--images=IN/image.jpg'], 'image.jpg'),
  'compare_models': (['--models=IN/model.pb'], 'comparison.html'),
  # Without --merge it goes on.
  'analyze_sensitivity': (
    ['--merge=IN/part.json', '--output_path=OUT/whole.json'],
    'whole.json',
  ),
}
# They go on with a run of their own, and refuse one of other settings.
GO_ON = {'quickstart', 'model_main'}
WRITE_NOTHING = {'inspect_model', 'build_sparse_ops'}


@pytest.fixture(scope='module')
def results(tmp_path_factory):
  """By command: its run without --overwrite, with it, and its older file."""
  modules = {
    each.name: f'object_detection_pruning.{each.module}'
    for group in front_door.COMMANDS.values()
    for each in group
  }
  inputs = tmp_path_factory.mktemp('in')
  for name, content in INPUTS.items():
    (inputs / name).write_text(content)
  runs, older = [], {}
  for command, (arguments, written) in WRITES.items():
    folder = tmp_path_factory.mktemp(command)
    older[command] = folder / written
    older[command].write_text('old')
    given = [a.replace('IN/', f'{inputs}/') for a in arguments]
    given = [a.replace('=IN', f'={inputs}') for a in given]
    given = [a.replace('OUT/', f'{folder}/') for a in given]
    if not any(a.startswith('--output_path') for a in given):
      given.append(f'--output_dir={folder}')
    runs.append((modules[command], given))
  refused = processes.commands(runs)
  asked = processes.commands(
    # What draws its data would succeed, and need not.
    [
      (module, given + ['--overwrite'])
      for module, given in runs
      if 'create_shapes' not in module
    ]
  )
  asked = dict(zip([c for c in WRITES if 'create_shapes' not in c], asked))
  return {
    command: (result, asked.get(command), older[command])
    for command, result in zip(WRITES, refused)
  }


def test_every_command_is_looked_at():
  names = {c.name for group in front_door.COMMANDS.values() for c in group}
  assert names == set(WRITES) | GO_ON | WRITE_NOTHING


@pytest.mark.parametrize('command', WRITES)
def test_an_older_file_is_refused_in_one_line_and_stays(results, command):
  result, _, path = results[command]
  assert result.stderr.splitlines()[-1] == (
    f'error: {path} exists already: choose another name, or replace it with '
    '--overwrite'
  )
  assert result.returncode == 2
  assert path.read_text() == 'old'


@pytest.mark.parametrize(
  'command', [name for name in WRITES if name != 'create_shapes_tf_record']
)
def test_overwriting_gets_past_it(results, command):
  _, result, path = results[command]
  assert result.returncode
  assert 'exists already' not in result.stderr
  assert path.read_text() == 'old', 'a later error leaves it too'


def test_one_flag_says_so_everywhere():
  assert 'overwrite' in shared_flags.SHARED


def test_data_of_the_same_arguments_is_found_again(tmp_path):
  arguments = [
    f'--output_dir={tmp_path}',
    '--num_train=1',
    '--num_val=1',
    '--image_size=64',
  ]
  module = 'object_detection_pruning.dataset_tools.create_shapes_tf_record'
  runs = [arguments, arguments, arguments + ['--seed=1']]
  first, again, other = processes.command(module, runs)
  assert first.returncode == again.returncode == 0, again.stderr
  assert 'train.record exists already' in other.stderr
  (replaced,) = processes.command(module, [runs[2] + ['--overwrite']])
  assert replaced.returncode == 0, replaced.stderr


def test_a_killed_run_of_prune_weights_is_no_older_result(tmp_path):
  (tmp_path / 'model.pb').write_text('')
  folder = tmp_path / 'out'
  (folder / 'unfinished').mkdir(parents=True)
  (folder / 'frozen_inference_graph.pb').write_text('old')
  arguments = [
    f'--model={tmp_path}/model.pb',
    '--sparsity=0.5',
    f'--output_dir={folder}',
  ]
  result, at_once = processes.command(
    'object_detection_pruning.prune_weights',
    [arguments + ['--num_images=1'], arguments + ['--reconstruction=none']],
  )
  assert 'exists already' not in result.stderr
  # This way goes on from nothing.
  assert 'exists already' in at_once.stderr
