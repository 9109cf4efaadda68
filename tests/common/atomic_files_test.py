import os
import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf

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


@pytest.mark.parametrize('scheme', ['', 'file://'])
def test_one_file_is_written_whole(tmp_path, scheme):
  """Also where `tf.gfile` has to do it, as for `gs://`."""
  path = f'{scheme}{tmp_path}/new/a'
  atomic_files.write(path, 'é')
  atomic_files.write(path, b'later')
  assert (tmp_path / 'new' / 'a').read_bytes() == b'later'
  assert os.listdir(str(tmp_path / 'new')) == ['a']
  with pytest.raises(ValueError), atomic_files.writing(path) as (temporary,):
    with tf.gfile.GFile(temporary, 'w') as file:
      file.write('half')
    raise ValueError
  assert os.listdir(str(tmp_path / 'new')) == ['a']


def _names(folder):
  return sorted(os.listdir(str(folder)))


def test_a_folder_replaces_the_earlier_one_whole(tmp_path):
  folder = tmp_path / 'new' / 'folder'
  for name in 'ab':
    with atomic_files.writing_folder(str(folder)) as temporary:
      _write(os.path.join(temporary, name), name)
  assert _names(folder) == ['b']
  assert _names(tmp_path / 'new') == ['folder']


def test_content_joins_what_a_folder_holds(tmp_path):
  _write(str(tmp_path / 'kept'), 'earlier')
  _write(str(tmp_path / 'a'), 'earlier')
  os.makedirs(str(tmp_path / 'sub' / 'old'))
  with atomic_files.writing_into(str(tmp_path)) as temporary:
    os.makedirs(os.path.join(temporary, 'sub', 'new'))
    _write(os.path.join(temporary, 'a'), 'later')
  assert _names(tmp_path) == ['a', 'kept', 'sub']
  assert (tmp_path / 'a').read_text() == 'later'
  assert _names(tmp_path / 'sub') == ['new']


def test_what_tells_of_the_others_moves_last(tmp_path, monkeypatch):
  moved = []
  replace = os.replace
  monkeypatch.setattr(
    os, 'replace', lambda *pair: (moved.append(pair[1]), replace(*pair))
  )
  with atomic_files.writing_into(str(tmp_path), last='a') as temporary:
    for name in 'abc':
      _write(os.path.join(temporary, name), name)
  assert [os.path.basename(path) for path in moved] == ['b', 'c', 'a']


@pytest.mark.parametrize(
  'writing', [atomic_files.writing_folder, atomic_files.writing_into]
)
def test_a_failure_leaves_folders_as_they_were(tmp_path, writing):
  _write(str(tmp_path / 'a'), 'earlier')
  for folder in (tmp_path, tmp_path / 'new' / 'deep'):
    with pytest.raises(KeyboardInterrupt), writing(str(folder)) as temporary:
      _write(os.path.join(temporary, 'a'), 'half')
      raise KeyboardInterrupt
  assert _names(tmp_path) == ['a']
  assert (tmp_path / 'a').read_text() == 'earlier'
  with pytest.raises((NotADirectoryError, FileExistsError)), writing(
    str(tmp_path / 'a')
  ):
    pytest.fail('the body must not run')


def test_a_folder_that_cannot_move_leaves_the_earlier_one(
  tmp_path, monkeypatch
):
  folder = tmp_path / 'folder'
  folder.mkdir()
  _write(str(folder / 'a'), 'earlier')
  replace = os.replace

  def full_disk(source, target):
    if target == str(folder) and os.path.basename(source) != 'old':
      raise OSError('no space left')
    replace(source, target)

  monkeypatch.setattr(os, 'replace', full_disk)
  with pytest.raises(
    OSError, match='no space left'
  ), atomic_files.writing_folder(str(folder)):
    pass
  assert _names(folder) == ['a']
  assert _names(tmp_path) == ['folder']


def _dead():
  process = subprocess.Popen([sys.executable, '-c', ''])
  process.wait()
  return process.pid


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
  dead, alive = _dead(), os.getppid()
  kept = {f'.a.{alive}.partial', f'.b.{dead}.partial', f'.partial-{alive}-x'}
  for name in kept | {f'.a.{dead}.partial', f'.partial-{dead}-x_1'}:
    if name.startswith('.partial-'):
      (tmp_path / name).mkdir()
      (tmp_path / name / 'written').write_text('')
    else:
      (tmp_path / name).write_text('')
  atomic_files.write(str(tmp_path / 'a'), 'whole')
  with atomic_files.writing_into(str(tmp_path)):
    pass
  assert set(os.listdir(str(tmp_path))) == kept | {'a'}
