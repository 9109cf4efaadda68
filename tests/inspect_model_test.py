import json

import processes
import pytest

COMMAND = 'object_detection_pruning.inspect_model'


@pytest.fixture(scope='module')
def shown(run, exported):
  """What the command prints of each kind of file, as JSON."""
  flags = {
    'graph': [f'--model={exported}/frozen_inference_graph.pb'],
    'saved': [f'--model={exported}/saved_model'],
    'folder': [
      f'--model={run.model_dir}',
      f'--pipeline_config_path={run.config_path}',
    ],
    'trained': [
      f'--model={run.model_dir}/model.ckpt-12',
      f'--pipeline_config_path={run.config_path}',
    ],
  }
  results = processes.command(
    COMMAND, [each + ['--format=json'] for each in flags.values()]
  )
  assert not any(each.returncode for each in results), results
  return {name: json.loads(each.stdout) for name, each in zip(flags, results)}


@pytest.mark.parametrize('kind', ['saved', 'trained', 'folder'])
def test_every_kind_of_file_costs_the_same(shown, kind):
  for figure in ('parameters', 'nonzeros', 'macs', 'macs_on_nonzeros'):
    assert shown[kind][figure] == shown['graph'][figure] > 0


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--model=/no/model'], 'no such model: /no/model'),
    (['--model=README.md'], 'README.md is no model: it must be'),
    (['--model=x', '--format=xml'], '--format must be one of table, json'),
    (['--model=x', '--image=README.md'], 'README.md is no image'),
  ],
)
def test_bad_flags_give_one_line(flags, message):
  (result,) = processes.command(COMMAND, [flags])
  assert result.returncode == 2
  assert result.stdout == ''
  (line,) = [each for each in result.stderr.splitlines() if each]
  assert line.startswith(f'error: {message}')
