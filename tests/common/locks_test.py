import os
import signal

import processes
import pytest

from object_detection_pruning.common import errors, locks

HOLD = """
import sys, time
from object_detection_pruning.common import locks
getattr(locks, sys.argv[1])('--output', *sys.argv[2:])
print('held', flush=True)
time.sleep(300)
"""


@pytest.fixture
def other():
  """Starts a process that claims something; gives it."""
  started = []

  def start(*arguments):
    process = processes.start('-c', HOLD, *arguments)
    started.append(process)
    assert process.stdout.readline() == 'held\n', process.communicate()[1]
    return process

  yield start
  for process in started:
    process.kill()
    process.communicate()
  locks.release()


def test_the_second_is_refused_with_the_process_of_the_first(tmp_path, other):
  folder, file = tmp_path / 'new' / 'folder', tmp_path / 'a.json'
  first = other('hold_folder', folder)
  with pytest.raises(
    errors.InputError,
    match=f'--here {folder} is being written by process {first.pid}: wait',
  ):
    locks.hold_folder('--here', str(folder))
  # Another role, another file.
  locks.hold_folder('--here', str(folder), 'evaluation')
  second = other('hold_file', file)
  with pytest.raises(errors.InputError, match=f'process {second.pid}: wait'):
    locks.hold_file('--here', str(file))
  locks.hold_file('--here', str(tmp_path / 'b.json'))
  first.send_signal(signal.SIGKILL)
  first.communicate()
  # What it left behind locks nothing.
  assert '.lock' in os.listdir(str(folder))
  locks.hold_folder('--here', str(folder))


def test_a_folder_is_not_made_for_a_file(tmp_path):
  locks.hold_file('--here', str(tmp_path / 'new' / 'a.json'))
  assert os.listdir(str(tmp_path)) == []


def test_nothing_is_left_behind(tmp_path):
  folder = tmp_path / 'new' / 'folder'
  locks.hold_folder('--here', str(folder))
  locks.hold_folder('--here', str(folder))
  (tmp_path / 'other').mkdir()
  locks.hold_file('--here', str(tmp_path / 'other' / 'a.json'))
  assert os.listdir(str(folder)) == ['.lock']
  assert os.listdir(str(tmp_path / 'other')) == ['.a.json.lock']
  locks.release()
  assert os.listdir(str(tmp_path)) == ['other']
  assert os.listdir(str(tmp_path / 'other')) == []


def test_a_folder_with_something_in_it_stays(tmp_path):
  locks.hold_folder('--here', str(tmp_path / 'new'))
  (tmp_path / 'new' / 'a').write_text('')
  locks.release()
  assert os.listdir(str(tmp_path / 'new')) == ['a']


def test_where_there_are_no_locks_nothing_is_locked(tmp_path, monkeypatch):
  def refuse(*_):
    raise OSError(locks.errno.ENOLCK, 'No locks available')

  monkeypatch.setattr(locks.fcntl, 'flock', refuse)
  locks.hold_file('--here', str(tmp_path / 'a'))
  assert os.listdir(str(tmp_path)) == []


def test_two_commands_that_write_one_file(tmp_path, other):
  path = tmp_path / 'val.record'
  first = other('hold_file', path)
  (refused,) = processes.command(
    'object_detection_pruning.dataset_tools.create_voc_tf_record',
    [[f'--data_dir={tmp_path}', f'--output_path={path}']],
  )
  processes.assert_refused(
    refused,
    f'--output_path {path} is being written by process {first.pid}: wait for '
    'it, or stop it',
  )
