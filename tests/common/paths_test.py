import os

import pytest

from object_detection_pruning.common import errors, paths


def test_takes_folders_that_exist_or_can_be_made(tmp_path):
  for path in (str(tmp_path), str(tmp_path / 'new' / 'newer'), 'gs://b/model'):
    assert paths.folder_to_write('--out', path) == path
  assert os.listdir(str(tmp_path)) == []


def test_refuses_a_file_and_what_would_be_below_one(tmp_path):
  file = tmp_path / 'file'
  file.write_text('')
  for path in (file, file / 'below'):
    with pytest.raises(errors.InputError) as error:
      paths.folder_to_write('--out', str(path))
    assert str(error.value) == (
      f'--out must be a folder, got {path}: {file} is a file'
    )


def test_refuses_an_empty_name():
  with pytest.raises(errors.InputError, match="--out must be a folder, got ''"):
    paths.folder_to_write('--out', '')


def test_refuses_a_folder_without_permission(tmp_path, monkeypatch):
  # The super-user may write anywhere, so the system's answer is put in.
  monkeypatch.setattr(os, 'access', lambda path, mode: path != str(tmp_path))
  with pytest.raises(errors.InputError, match=f'no permission in {tmp_path}'):
    paths.folder_to_write('--out', str(tmp_path / 'new'))


def test_what_is_read_is_not_written_to(tmp_path):
  file = tmp_path / 'file'
  file.write_text('')
  (tmp_path / 'link').symlink_to(file)
  paths.refuse_inputs(str(file), None, '', str(tmp_path / 'other'))
  with pytest.raises(errors.InputError, match='link is read as well'):
    paths.refuse_inputs(str(tmp_path / 'link'), None, str(file))


def test_tells_files_from_what_is_none(tmp_path):
  file = tmp_path / 'file'
  file.write_text('')
  assert paths.file_to_read('it', str(file)) == str(file)
  for path in ('', str(tmp_path), str(tmp_path / 'none')):
    with pytest.raises(errors.InputError) as error:
      paths.file_to_read('it', path)
    assert str(error.value) == f'it must be a file, got {path!r}'
