import json
import os

import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.workflow import main_job, stages

SETTINGS = {'data': None, 'sparsity': 0.85}


def test_folder_is_not_claimed_before_the_run_begins(tmp_path):
  folder = tmp_path / 'run'
  main_job.QuickstartRun(str(folder), SETTINGS)
  assert not folder.exists()
  main_job.QuickstartRun(str(folder), dict(SETTINGS, sparsity=0.5)).begin()
  assert json.loads((folder / 'quickstart.json').read_text()) == {
    'data': None,
    'sparsity': 0.5,
    'contents': {},
  }


@pytest.mark.parametrize(
  'content, which',
  [
    ('{"data": "d", "sparsity": 0.85}', '; data was d, now None'),
    ('{"da', ''),
    ('[]', ''),
  ],
)
def test_folder_of_another_run_is_left_alone(tmp_path, content, which):
  (tmp_path / 'quickstart.json').write_text(content)
  path = tmp_path / 'quickstart.json'
  with pytest.raises(
    errors.InputError,
    match=f'holds a run with other settings .{path}{which}.: name another',
  ):
    main_job.QuickstartRun(str(tmp_path), SETTINGS)
  assert (tmp_path / 'quickstart.json').read_text() == content


def test_files_that_have_changed_are_named(tmp_path):
  run = main_job.QuickstartRun(str(tmp_path), SETTINGS, {'annotations': 'a'})
  run.begin()
  main_job.QuickstartRun(str(tmp_path), SETTINGS, {'annotations': 'a'})
  with pytest.raises(errors.InputError, match='the annotations of the run in'):
    main_job.QuickstartRun(str(tmp_path), SETTINGS, {'annotations': 'b'})


def test_run_of_an_earlier_version_goes_on(tmp_path):
  (tmp_path / 'quickstart.json').write_text(json.dumps(SETTINGS))
  main_job.QuickstartRun(str(tmp_path), SETTINGS, {'annotations': 'a'})


def test_stage_that_is_done_is_not_done_again(tmp_path):
  run = main_job.QuickstartRun(str(tmp_path), SETTINGS)
  run.begin()
  dense, _, reconstructed, _ = stages.stages(10, 10, 0.5)
  os.makedirs(run.folder('dense', 'export'))
  (tmp_path / 'dense/export/sparsity.json').write_text('{}')
  # Without a config nothing could be trained.
  main_job.QuickstartRun(str(tmp_path), SETTINGS).train(dense, None)
  assert os.listdir(run.folder('dense')) == ['export']
  os.makedirs(run.folder('reconstructed'))
  (tmp_path / 'reconstructed/pruning.json').write_text('{}')
  # Without a checkpoint nothing could be pruned.
  run.make(
    reconstructed, None, detection_data.DetectionData(*'tvl', 1, 1, 1), ''
  )
  assert os.listdir(run.folder('reconstructed')) == ['pruning.json']
