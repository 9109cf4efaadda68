"""The environment of the stack that these tests do not run on, if there is."""

import os
import subprocess
import sys

import processes
import pytest

from object_detection_pruning.common import stacks

_PROBE = 'import tensorflow.compat.v1 as tf; print(tf.__version__)'


def python() -> str:
  """Gives its interpreter, or skips the test."""
  ours = stacks.current()
  other = stacks.MODERN if ours == stacks.CLASSIC else stacks.CLASSIC
  places = [os.environ.get('ODP_OTHER_PYTHON', '')] + [
    os.path.join(processes.ROOT, folder, 'bin/python')
    for folder in (f'.venv-{other}', '.venv')
  ]
  for place in filter(os.path.exists, places):
    if os.path.realpath(os.path.dirname(place)) == os.path.dirname(
      os.path.abspath(sys.executable)
    ):
      continue
    version = subprocess.run(
      [place, '-W', 'ignore', '-c', _PROBE],
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
    ).stdout.decode()
    if version and stacks.of_version(version) == other:
      return place
  pytest.skip(f'there is no environment of the {other} stack')


def run(*arguments) -> str:
  """Runs its Python to the end, and gives what it printed."""
  done = subprocess.run(
    [python()] + [str(argument) for argument in arguments],
    env=processes.environment(),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  return done.stdout
