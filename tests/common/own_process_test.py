"""A process of its own has its threads, and fails in one line."""

import os
import signal

import numpy as np
import processes
import pytest
import timed

from object_detection_pruning.common import errors, own_process


@pytest.fixture
def process():
  with own_process.OwnProcess(1, 1, 'the worker') as process:
    yield process


def threads(intra_op, inter_op):
  with own_process.OwnProcess(intra_op, inter_op) as process:
    return len(os.listdir(f'/proc/{process.pid}/task'))


def test_pools_have_the_threads_asked_for():
  one = threads(1, 1)
  assert threads(4, 1) - one == 3
  assert threads(1, 6) - one == 5


def test_gives_what_the_function_returns_there(process):
  found, pid = process.call(timed.doubled, np.arange(3))
  assert found.tolist() == [0, 2, 4]
  assert pid == process.pid != os.getpid()
  assert process.call(timed.doubled, [5]) == ([10], pid)


def test_bad_input_there_is_bad_input_here(process):
  with pytest.raises(errors.InputError, match='^no such thing: 7$'):
    process.call(timed.refused)
  # It lives on.
  assert process.call(timed.doubled, [5])[0] == [10]


def test_defect_there_is_told_with_its_traceback(process):
  with pytest.raises(RuntimeError, match="in broken\n(.*\n)*KeyError: 'key'"):
    process.call(timed.broken)


def test_want_of_memory_there_is_told_in_one_line(process):
  with pytest.raises(ChildProcessError, match='^no memory is left for the wor'):
    process.call(timed.exhausted)


@pytest.mark.parametrize(
  'function, arguments, message',
  [
    (
      timed.killed,
      [],
      'the worker was ended by SIGKILL, as where memory runs out',
    ),
    (timed.killed, [signal.SIGSEGV], 'the worker was ended by SIGSEGV'),
    (timed.ended, [], 'the worker ended with status 3'),
  ],
)
def test_end_of_the_process_is_told_in_one_line(
  process, function, arguments, message
):
  with pytest.raises(ChildProcessError) as raised:
    process.call(function, *arguments)
  assert str(raised.value) == message
  with pytest.raises(ChildProcessError):
    process.call(timed.doubled, [5])


def test_ends_with_its_context():
  with own_process.OwnProcess(1, 1) as process:
    folder = f'/proc/{process.pid}'
    assert os.path.exists(folder)
  assert not os.path.exists(folder)


def test_program_whose_main_part_is_not_guarded_is_told_so(tmp_path):
  path = tmp_path / 'program.py'
  path.write_text(
    'from object_detection_pruning.common import own_process\n'
    'own_process.OwnProcess(1, 1)\n'
  )
  done = processes.python('-W', 'ignore', path)
  assert done.returncode == 1
  assert done.stderr.splitlines()[-1] == (
    'ChildProcessError: the other process ended with status 1 before it began; '
    'a program must guard its main part with "if __name__ == \'__main__\'"'
  )
