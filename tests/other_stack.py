"""The environment of the stack that these tests do not run on."""

import functools
import os
import subprocess
import sys

import processes
import pytest

from object_detection_pruning.common import stacks

_PROBE = 'import tensorflow.compat.v1 as tf; print(tf.__version__)'


def python() -> str:
  """Gives its interpreter, or skips the test.

  That is what ODP_CLASSIC_PYTHON or ODP_MODERN_PYTHON names; where neither is
  set, an environment that `scripts/setup.sh` has made here.
  """
  ours = stacks.current()
  other = stacks.MODERN if ours == stacks.CLASSIC else stacks.CLASSIC
  variable = f'ODP_{other.upper()}_PYTHON'
  named = os.environ.get(variable)
  if named:
    assert _is_of(named, other), f'{variable}={named} is not of that stack'
    return named
  for folder in (f'.venv-{other}', '.venv'):
    place = os.path.join(processes.ROOT, folder, 'bin/python')
    if os.path.exists(place) and _is_of(place, other):
      return place
  pytest.skip(f'there is no environment of the {other} stack')


@functools.lru_cache(None)
def _is_of(place: str, stack: str) -> bool:
  if os.path.abspath(place) == os.path.abspath(sys.executable):
    return False
  version = subprocess.run(
    [place, '-W', 'ignore', '-c', _PROBE],
    stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL,
  ).stdout.decode()
  return bool(version) and stacks.of_version(version) == stack


def run(*arguments) -> str:
  """Runs its Python to the end, and gives what it printed."""
  done = subprocess.run(
    [python()] + [str(argument) for argument in arguments],
    env=processes.environment(),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )
  assert done.returncode == 0, done.stderr
  return done.stdout
