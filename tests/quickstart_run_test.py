import json
import os

import pytest

from object_detection_pruning import quickstart_run, quickstart_stages
from object_detection_pruning.core import errors

SETTINGS = {'data': None, 'sparsity': 0.85}


def test_folder_is_not_claimed_before_the_run_begins(tmp_path):
  folder = tmp_path / 'run'
  quickstart_run.QuickstartRun(str(folder), SETTINGS)
  assert not folder.exists()
  quickstart_run.QuickstartRun(
    str(folder), dict(SETTINGS, sparsity=0.5)
  ).begin()
  assert json.loads((folder / 'quickstart.json').read_text()) == {
    'data': None,
    'sparsity': 0.5,
  }


@pytest.mark.parametrize('content', ['{"data": "d", "sparsity": 0.85}', '{"da'])
def test_folder_of_another_run_is_left_alone(tmp_path, content):
  (tmp_path / 'quickstart.json').write_text(content)
  with pytest.raises(
    errors.InputError, match='holds a run with other settings'
  ):
    quickstart_run.QuickstartRun(str(tmp_path), SETTINGS)
  assert (tmp_path / 'quickstart.json').read_text() == content


def test_exported_stage_is_not_trained_again(tmp_path):
  run = quickstart_run.QuickstartRun(str(tmp_path), SETTINGS)
  run.begin()
  dense = quickstart_stages.stages(10, 10, 0.5)[0]
  os.makedirs(run.folder('dense', 'export'))
  (tmp_path / 'dense/export/sparsity.json').write_text('{}')
  # Without a config nothing could be trained.
  quickstart_run.QuickstartRun(str(tmp_path), SETTINGS).train(dense, None)
  assert os.listdir(run.folder('dense')) == ['export']
