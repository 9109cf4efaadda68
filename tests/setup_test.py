"""What `scripts/setup.sh` stands on: the Python it finds, the lock files."""

import glob
import os
import re
import runpy
import shutil
import subprocess
import sys

import pytest
import setuptools
from packaging import requirements

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INTERPRETER = os.path.realpath(sys.executable)
VERSION = '.'.join(map(str, sys.version_info[:2]))
STACK = 'classic' if sys.version_info < (3, 8) else 'modern'
# Of each stack: the Pythons that it takes, as errors name them.
NAMED = {'classic': '3.7 or 3.6', 'modern': '3.11, 3.10 or 3.9'}


def write_script(path, body):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text('#!/bin/sh\n' + body + '\n')
  path.chmod(0o755)


def find_python(path, stack=STACK, **environment):
  """Runs scripts/find_python.sh with nothing but `path` to find commands in.

  Returns:
    (exit status, stdout, stderr).
  """
  path.mkdir(exist_ok=True)
  result = subprocess.run(
    ['/bin/bash', os.path.join(ROOT, 'scripts/find_python.sh'), stack],
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
  link_interpreter(tmp_path / f'bin/python{VERSION}')
  status, found, _ = find_python(
    tmp_path / 'bin', PYTHON=str(tmp_path / 'chosen')
  )
  assert (status, found) == (0, INTERPRETER)
  assert (tmp_path / 'chosen.asked').exists()
  assert not (tmp_path / f'bin/python{VERSION}.asked').exists()


def test_unusable_python_variable_is_named_and_not_passed_over(tmp_path):
  link_interpreter(tmp_path / f'bin/python{VERSION}')
  status, found, error = find_python(tmp_path / 'bin', PYTHON='/no/python')
  assert (status, found) == (1, '')
  assert error.startswith(
    f'error: PYTHON=/no/python is no 64-bit Python {NAMED[STACK]} '
  )
  assert error.count('\n') == 1


def test_path_comes_before_pyenv(tmp_path):
  link_interpreter(tmp_path / 'bin/python3')
  link_interpreter(tmp_path / f'pyenv/versions/{VERSION}.9/bin/python')
  status, found, _ = find_python(
    tmp_path / 'bin', PYENV_ROOT=str(tmp_path / 'pyenv')
  )
  assert (status, found) == (0, INTERPRETER)
  assert not (
    tmp_path / f'pyenv/versions/{VERSION}.9/bin/python.asked'
  ).exists()


def test_pyenv_is_used_where_its_shim_on_path_only_talks(tmp_path):
  write_script(
    tmp_path / f'bin/python{VERSION}', 'echo not found >&2; exit 127'
  )
  link_interpreter(tmp_path / f'pyenv/versions/{VERSION}.9/bin/python')
  write_script(tmp_path / 'bin/pyenv', f'echo {tmp_path}/pyenv')
  assert find_python(tmp_path / 'bin')[:2] == (0, INTERPRETER)
  assert (tmp_path / f'pyenv/versions/{VERSION}.9/bin/python.asked').exists()


@pytest.mark.skipif(STACK == 'classic', reason='uv has no Python below 3.8')
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


@pytest.mark.parametrize(
  'stack, advice',
  [
    ('classic', 'get one with "pyenv install 3.7" or "conda create'),
    ('modern', 'get one with "pyenv install 3.11" or "uv python install 3.11"'),
    ('any', 'get one with "pyenv install 3.11" or "uv python install 3.11"'),
  ],
)
def test_no_python_at_all_fails_with_one_line(tmp_path, stack, advice):
  write_script(tmp_path / 'bin/python3', 'exit 1')
  status, found, error = find_python(tmp_path / 'bin', stack)
  assert (status, found) == (1, '')
  assert error.count('\n') == 1
  assert advice in error


def test_python_of_the_other_stack_is_passed_over(tmp_path):
  link_interpreter(tmp_path / 'bin/python3')
  other = 'modern' if STACK == 'classic' else 'classic'
  assert find_python(tmp_path / 'bin', other)[0] == 1


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


@pytest.mark.parametrize('version', ['36', '37', '39', '310', '311'])
def test_lock_pins_every_requirement_within_its_bounds(version, monkeypatch):
  python = f'{version[0]}.{version[1:]}'
  is_classic = version in ('36', '37')
  name = f'requirements-{"" if is_classic else "modern-"}py{version}.lock'
  with open(os.path.join(ROOT, name)) as lock:
    lines = [line.strip() for line in lock if not line.startswith('#')]
  pins = {
    name.lower().replace('_', '-'): pin
    for name, pin in (line.split('==') for line in lines)
  }
  if is_classic:
    assert pins['tf-object-detection'] == '0.0.3'
    assert pins['tensorflow'] == '1.14.0'
  else:
    assert pins['tf-object-detection-api'] == '0.1'
    assert pins['tensorflow-cpu'] == '2.15.1'
  wanted = [
    requirement
    for requirement in map(
      requirements.Requirement, required_by_setup(monkeypatch)
    )
    if requirement.marker is None
    or requirement.marker.evaluate({'python_version': python})
  ]
  assert len(wanted) > 15
  unmet = [
    str(requirement)
    for requirement in wanted
    if requirement.name not in pins
    or pins[requirement.name] not in requirement.specifier
  ]
  assert unmet == []


def test_paths_that_continuous_integration_takes_exist():
  script = os.path.join(ROOT, '.ci/run')
  if not os.path.exists(script):
    pytest.skip('the source distribution has no .ci')
  with open(script) as file:
    (listed,) = re.findall(r'modern_paths=\((.*?)\)', file.read(), re.DOTALL)
  paths = listed.split()
  assert paths
  assert [p for p in paths if not os.path.exists(os.path.join(ROOT, p))] == []


_TOOLS = (
  *('bash', 'cat', 'cp', 'dirname', 'grep'),
  *('mkdir', 'rm', 'sha256sum', 'sh', 'tr'),
)
# A Python that knows its version, and at `-m` does what little setup.sh needs.
STAND_IN = r"""
here=$(dirname "$0")
case "$*" in
  *ensurepip*) case " $* " in *" VERSION "*) echo "$0" ;; *) exit 1 ;; esac ;;
  *version_info*) echo VERSION | tr -d . ;;
  '-m venv --clear '*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  *'pip --disable-pip-version-check freeze'*) cat requirements*pySHORT.lock ;;
esac
"""


def set_up(tmp_path, versions, **environment):
  """Runs scripts/setup.sh where there are only these Pythons, none real."""
  tree = tmp_path / 'tree'
  (tree / 'scripts').mkdir(parents=True, exist_ok=True)
  for name in ('scripts/setup.sh', 'scripts/find_python.sh', 'setup.py'):
    shutil.copy(os.path.join(ROOT, name), str(tree / name))
  for lock in glob.glob(os.path.join(ROOT, 'requirements-*.lock')):
    shutil.copy(lock, str(tree))
  tools = tmp_path / 'bin'
  tools.mkdir(exist_ok=True)
  for name in _TOOLS:
    if not (tools / name).exists():
      (tools / name).symlink_to(shutil.which(name))
  for version in versions:
    body = STAND_IN.replace('VERSION', version)
    write_script(
      tools / f'python{version}',
      body.replace('SHORT', version.replace('.', '')),
    )
  done = subprocess.run(
    ['/bin/bash', str(tree / 'scripts/setup.sh')],
    env=dict(environment, PATH=str(tools), HOME=str(tmp_path)),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )
  return done, tree


@pytest.mark.parametrize(
  'versions, asked, says',
  [
    (['3.7'], {}, 'classic stack (TensorFlow 1.14): '),
    (['3.7', '3.11'], {}, 'classic stack (TensorFlow 1.14): '),
    (['3.11'], {}, 'modern stack (TensorFlow 2.15): '),
    (['3.9'], {}, 'no Python 3.7 or 3.6 was found'),
    (['3.7', '3.11'], {'STACK': 'modern'}, 'making .venv with '),
    (['3.6', '3.10'], {'STACK': 'classic', 'VENV': 'other'}, 'making other '),
  ],
)
def test_stack_is_that_of_the_python_which_is_there(
  tmp_path, versions, asked, says
):
  done, tree = set_up(tmp_path, versions, **asked)
  assert done.returncode == 0, done.stderr
  assert says in done.stderr + done.stdout
  wanted = versions[-1] if asked.get('STACK') == 'modern' else versions[0]
  short = wanted.replace('.', '')
  kind = 'py' if wanted in ('3.6', '3.7') else 'modern-py'
  assert f'packages of requirements-{kind}{short}.lock' in done.stdout
  assert (tree / asked.get('VENV', '.venv') / 'setup.stamp').exists()
  again, _ = set_up(tmp_path, [], **asked)
  assert (again.returncode, again.stdout) == (0, '')


@pytest.mark.parametrize(
  'versions, asked, error',
  [
    ([], {}, 'error: no 64-bit Python 3.11, 3.10, 3.9, 3.7 or 3.6 '),
    (['3.8', '3.12'], {}, 'error: no 64-bit Python 3.11, 3.10, 3.9, 3.7 or '),
    (['3.11'], {'STACK': 'classic'}, 'error: no 64-bit Python 3.7 or 3.6 '),
    (['3.7'], {'STACK': 'new'}, 'error: STACK must be classic or modern, got'),
  ],
)
def test_missing_python_is_told_in_one_line(tmp_path, versions, asked, error):
  done, tree = set_up(tmp_path, versions, **asked)
  assert done.returncode != 0
  assert done.stderr.startswith(error)
  assert done.stderr.count('\n') == 1
  assert not (tree / '.venv').exists()
