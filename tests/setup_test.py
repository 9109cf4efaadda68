"""What `scripts/setup.sh` stands on: the Python it finds, the lock files."""

import os
import runpy
import subprocess
import sys

import pytest
import setuptools
from packaging import requirements

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INTERPRETER = os.path.realpath(sys.executable)


def write_script(path, body):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text('#!/bin/sh\n' + body + '\n')
  path.chmod(0o755)


def find_python(path, **environment):
  """Runs scripts/find_python.sh with nothing but `path` to find commands in.

  Returns:
    (exit status, stdout, stderr).
  """
  path.mkdir(exist_ok=True)
  result = subprocess.run(
    ['/bin/bash', os.path.join(ROOT, 'scripts/find_python.sh')],
    env=dict(environment, PATH=str(path), HOME=str(path)),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  return (
    result.returncode,
    result.stdout.decode().strip(),
    result.stderr.decode(),
  )


def link_interpreter(path):
  """Puts a script at `path` that runs this Python and tells it was asked."""
  write_script(path, f'echo asked >"{path}.asked"\nexec "{INTERPRETER}" "$@"')


def test_python_variable_comes_first(tmp_path):
  link_interpreter(tmp_path / 'chosen')
  link_interpreter(tmp_path / 'bin/python3.7')
  status, found, _ = find_python(
    tmp_path / 'bin', PYTHON=str(tmp_path / 'chosen')
  )
  assert (status, found) == (0, INTERPRETER)
  assert (tmp_path / 'chosen.asked').exists()
  assert not (tmp_path / 'bin/python3.7.asked').exists()


def test_unusable_python_variable_is_named_and_not_passed_over(tmp_path):
  link_interpreter(tmp_path / 'bin/python3.7')
  status, found, error = find_python(tmp_path / 'bin', PYTHON='/no/python')
  assert (status, found) == (1, '')
  assert error.startswith('error: PYTHON=/no/python is no 64-bit Python 3.7')
  assert error.count('\n') == 1


def test_path_comes_before_pyenv(tmp_path):
  link_interpreter(tmp_path / 'bin/python3')
  link_interpreter(tmp_path / 'pyenv/versions/3.7.9/bin/python')
  status, found, _ = find_python(
    tmp_path / 'bin', PYENV_ROOT=str(tmp_path / 'pyenv')
  )
  assert (status, found) == (0, INTERPRETER)
  assert not (tmp_path / 'pyenv/versions/3.7.9/bin/python.asked').exists()


def test_pyenv_is_used_where_its_shim_on_path_only_talks(tmp_path):
  write_script(tmp_path / 'bin/python3.7', 'echo not found >&2; exit 127')
  link_interpreter(tmp_path / 'pyenv/versions/3.7.9/bin/python')
  write_script(tmp_path / 'bin/pyenv', f'echo {tmp_path}/pyenv')
  assert find_python(tmp_path / 'bin')[:2] == (0, INTERPRETER)
  assert (tmp_path / 'pyenv/versions/3.7.9/bin/python.asked').exists()


def test_uv_is_asked_to_install_what_it_does_not_have(tmp_path):
  link_interpreter(tmp_path / 'managed/python')
  write_script(
    tmp_path / 'bin/uv',
    f'case "$2" in install) : >"{tmp_path}/installed" ;;'
    f' find) [ -e "{tmp_path}/installed" ] && echo {tmp_path}/managed/python ;;'
    ' esac',
  )
  assert find_python(tmp_path / 'bin')[:2] == (0, INTERPRETER)
  assert (tmp_path / 'managed/python.asked').exists()


def test_no_python_at_all_fails_with_one_line(tmp_path):
  write_script(tmp_path / 'bin/python3', 'exit 1')
  status, found, error = find_python(tmp_path / 'bin')
  assert (status, found) == (1, '')
  assert error.count('\n') == 1
  assert 'pyenv install 3.7' in error
  assert 'uv python install 3.7' in error


def test_second_setup_does_nothing():
  stamp = os.path.join(ROOT, '.venv/setup.stamp')
  if not os.path.exists(stamp):
    pytest.skip('scripts/setup.sh has not made .venv')
  setup = ['bash', os.path.join(ROOT, 'scripts/setup.sh')]
  subprocess.check_output(setup, stderr=subprocess.STDOUT)
  before = os.stat(stamp).st_mtime_ns
  assert subprocess.check_output(setup, stderr=subprocess.STDOUT) == b''
  assert os.stat(stamp).st_mtime_ns == before


def required_by_setup(monkeypatch):
  """Returns the requirement strings of setup.py with the extras in the lock."""
  given = {}
  monkeypatch.setattr(
    setuptools, 'setup', lambda **kwargs: given.update(kwargs)
  )
  runpy.run_path(os.path.join(ROOT, 'setup.py'))
  extras = given['extras_require']
  return given['install_requires'] + extras['cpu'] + extras['test']


@pytest.mark.parametrize('version', ['36', '37'])
def test_lock_pins_every_requirement_within_its_bounds(version, monkeypatch):
  with open(os.path.join(ROOT, f'requirements-py{version}.lock')) as lock:
    lines = [line.strip() for line in lock if not line.startswith('#')]
  pins = {
    name.lower().replace('_', '-'): pin
    for name, pin in (line.split('==') for line in lines)
  }
  assert pins['tf-object-detection'] == '0.0.3'
  assert pins['tensorflow'] == '1.14.0'
  wanted = [
    requirements.Requirement(text) for text in required_by_setup(monkeypatch)
  ]
  assert len(wanted) > 15
  unmet = [
    str(requirement)
    for requirement in wanted
    if requirement.name not in pins
    or pins[requirement.name] not in requirement.specifier
  ]
  assert unmet == []
