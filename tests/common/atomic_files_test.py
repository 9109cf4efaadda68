import os

import pytest

from object_detection_pruning.common import atomic_files


def _write(path, text):
  with open(path, 'w') as stream:
    stream.write(text)


def test_files_appear_together_and_nothing_else_does(tmp_path):
  paths = [str(tmp_path / 'new' / 'deep' / name) for name in 'ab']
  with atomic_files.writing(*paths) as temporary:
    for path in temporary:
      _write(path, os.path.basename(path))
    assert not any(os.path.exists(path) for path in paths)
  assert sorted(os.listdir(os.path.dirname(paths[0]))) == ['a', 'b']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_no_file_and_no_folder(tmp_path, error):
  path = str(tmp_path / 'new' / 'deep' / 'a')
  with pytest.raises(error), atomic_files.writing(path) as (temporary,):
    _write(temporary, 'half')
    raise error
  assert os.listdir(str(tmp_path)) == []


def test_a_failure_leaves_the_earlier_file(tmp_path):
  path = str(tmp_path / 'a')
  _write(path, 'earlier')
  with pytest.raises(ValueError), atomic_files.writing(path) as (temporary,):
    _write(temporary, 'half')
    raise ValueError
  assert os.listdir(str(tmp_path)) == ['a']
  assert (tmp_path / 'a').read_text() == 'earlier'


def test_a_folder_in_the_way_is_found_before_the_work(tmp_path):
  paths = [str(tmp_path / 'new' / 'a'), str(tmp_path)]
  with pytest.raises(IsADirectoryError), atomic_files.writing(*paths):
    pytest.fail('the body must not run')
  assert os.listdir(str(tmp_path)) == []
