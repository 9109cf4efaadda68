"""Runs commands as a user does: in a process of their own."""

import os
import subprocess
import sys
from typing import Dict

TESTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TESTS)


def environment(**more: str) -> Dict[str, str]:
  """Variables under which our modules and those of the tests are found."""
  paths = [ROOT, TESTS, os.environ.get('PYTHONPATH', '')]
  return dict(
    os.environ,
    PYTHONPATH=os.pathsep.join(path for path in paths if path),
    TF_CPP_MIN_LOG_LEVEL='2',
    **more,
  )


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
    stdout, stderr = process.communicate(timeout=300)
  finally:
    process.kill()
  return subprocess.CompletedProcess(
    arguments, process.returncode, stdout, stderr
  )
