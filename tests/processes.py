"""Runs commands as a user does: in a process of their own."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Dict, List, Optional, Sequence, Tuple

TESTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TESTS)


def environment(folder: str = '', **more: str) -> Dict[str, str]:
  """Variables under which our modules and those of the tests are found."""
  paths = [ROOT, TESTS, folder, os.environ.get('PYTHONPATH', '')]
  result = dict(
    os.environ,
    PYTHONPATH=os.pathsep.join(path for path in paths if path),
    TF_CPP_MIN_LOG_LEVEL='2',
  )
  result.update(more)
  return result


def start(*arguments, **more: str) -> subprocess.Popen:
  """Starts Python with these arguments; `more` are environment variables."""
  return subprocess.Popen(
    [sys.executable] + [str(argument) for argument in arguments],
    env=environment(**more),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    universal_newlines=True,
  )


def python(*arguments, **more: str) -> subprocess.CompletedProcess:
  """Runs Python to its end; see `start`."""
  process = start(*arguments, **more)
  try:
    stdout, stderr = process.communicate(timeout=900)
  finally:
    process.kill()
  return subprocess.CompletedProcess(
    arguments, process.returncode, stdout, stderr
  )


def assert_refused(
  result: subprocess.CompletedProcess, words: str, alone: bool = True
) -> None:
  """Asserts that a command ended with one line that says what is wrong.

  Args:
    result: of the command.
    words: what the line says first, after `error: `.
    alone: whether nothing else may be on stderr; else what was logged before
      may.
  """
  assert result.returncode == 2, result.stderr
  lines = [
    line
    for line in result.stderr.splitlines()
    if line and (alone or 'error: ' in line)
  ]
  assert len(lines) == 1, result.stderr
  assert lines[0].startswith(f'error: {words}'), lines[0]
  assert 'Traceback' not in result.stderr


def command(
  module: str, argument_lists: Sequence[Sequence[str]], folder: str = ''
) -> List[subprocess.CompletedProcess]:
  """Runs a command once for each list of arguments; see `commands`."""
  return commands([(module, arguments) for arguments in argument_lists], folder)


def commands(
  runs: Sequence[Tuple[str, Sequence[str]]],
  folder: str = '',
  cwd: Optional[str] = None,
) -> List[subprocess.CompletedProcess]:
  """Runs modules with their arguments; fit for runs that end quickly.

  Args:
    runs: module and arguments of each.
    folder: where the modules are, if not in the package.
    cwd: working folder; that of this process if not given.
  """
  with tempfile.NamedTemporaryFile('r', suffix='.json') as result:
    subprocess.run(
      [
        sys.executable,
        os.path.join(TESTS, 'forked_commands.py'),
        result.name,
      ],
      input=json.dumps(
        [[module, list(map(str, arguments))] for module, arguments in runs]
      ),
      env=environment(folder),
      cwd=cwd,
      encoding='utf-8',
      check=True,
    )
    answers = json.load(result)
  return [
    subprocess.CompletedProcess(arguments, *answer)
    for (_, arguments), answer in zip(runs, answers)
  ]
