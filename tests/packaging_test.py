"""Each way to install the library keeps slim's `nets` and ours apart."""

import json
import os
import shutil
import subprocess
import sysconfig
import venv

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SITE_PACKAGES = sysconfig.get_paths()['purelib']

# Prints where the two packages called `nets` and all of our modules in linked
# folders come from.
PROBE = """
import importlib, json, sys
import nets.inception_v2
modules = [importlib.import_module(name) for name in sys.argv[1:]]
print(json.dumps([m.__file__ for m in [nets, nets.inception_v2] + modules]))
"""

pytestmark = pytest.mark.skipif(
  not os.path.isfile(os.path.join(ROOT, 'setup.py')), reason='no source tree'
)


def linked_modules():
  return [
    f'object_detection_pruning.{folder}.{name[:-3]}'
    for folder in ('hooks', 'nets')
    for name in sorted(os.listdir(os.path.join(ROOT, folder)))
    if name.endswith('.py')
  ]


def run(*command, cwd):
  environment = {
    name: value
    for name, value in os.environ.items()
    if name not in ('PYTHONPATH', 'PYTHONHOME')
  }
  result = subprocess.run(
    [str(part) for part in command],
    cwd=str(cwd),
    env=environment,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  assert result.returncode == 0, result.stderr.decode()
  return result.stdout.decode()


def make_python(folder):
  """Makes a virtual environment on top of the packages of the running one.

  Nothing is downloaded, and an editable install of the running environment
  does not count in the new one.

  Returns:
    path of its interpreter.
  """
  venv.create(str(folder), symlinks=True)
  python = folder / 'bin/python'
  paths = run(
    python,
    '-c',
    'import sysconfig; print(sysconfig.get_paths()["purelib"])',
    cwd=folder,
  )
  with open(os.path.join(paths.strip(), 'parent.pth'), 'w') as link:
    link.write(SITE_PACKAGES + '\n')
  return python


def pip_install(python, *what):
  run(
    python,
    '-m',
    'pip',
    '--disable-pip-version-check',
    'install',
    '--no-index',
    '--no-deps',
    '--no-build-isolation',
    *what,
    cwd=python.parent,
  )


def check_origins(python, cwd, library):
  """Asserts that slim comes from its package and ours from `library`."""
  names = linked_modules()
  assert len(names) >= 3
  files = json.loads(run(python, '-c', PROBE, *names, cwd=cwd).splitlines()[-1])
  slim, ours = files[:2], files[2:]
  assert slim == [
    os.path.join(SITE_PACKAGES, 'nets', name)
    for name in ('__init__.py', 'inception_v2.py')
  ]
  assert [os.path.realpath(file) for file in ours] == [
    os.path.realpath(os.path.join(str(library), *name.split('.')) + '.py')
    for name in names
  ]


@pytest.fixture(scope='module')
def source(tmp_path_factory):
  """A copy of the source tree, since a build writes into the one it builds."""
  copy = tmp_path_factory.mktemp('source') / 'tree'
  shutil.copytree(
    ROOT,
    str(copy),
    symlinks=True,
    ignore=shutil.ignore_patterns(
      '.*', 'build', 'dist', '*.egg-info', '__pycache__'
    ),
  )
  return copy


@pytest.fixture
def python(tmp_path):
  return make_python(tmp_path / 'venv')


def site_packages_of(python):
  return next((python.parent.parent / 'lib').glob('python*/site-packages'))


def test_running_from_the_source_tree(source, python):
  check_origins(python, cwd=source, library=source)


def test_editable_install(source, python, tmp_path):
  pip_install(python, '--editable', source)
  check_origins(python, cwd=tmp_path, library=source)


def test_wheel(source, python, tmp_path):
  run(
    python,
    '-m',
    'pip',
    '--disable-pip-version-check',
    'wheel',
    '--no-index',
    '--no-deps',
    '--no-build-isolation',
    '--wheel-dir',
    tmp_path,
    source,
    cwd=tmp_path,
  )
  (wheel,) = tmp_path.glob('*.whl')
  pip_install(python, wheel)
  check_origins(python, cwd=tmp_path, library=site_packages_of(python))


def test_source_distribution(source, python, tmp_path):
  run(
    python, 'setup.py', '--quiet', 'sdist', '--dist-dir', tmp_path, cwd=source
  )
  (archive,) = tmp_path.glob('*.tar.gz')
  pip_install(python, archive)
  check_origins(python, cwd=tmp_path, library=site_packages_of(python))


def test_wheel_carries_the_data_files_of_the_package(source, python, tmp_path):
  pip_install(python, source)
  installed = site_packages_of(python) / 'object_detection_pruning'
  kinds = ('.cc', '.config', '.h', '.inc', '.jinja', '.proto')
  ours = source / 'object_detection_pruning'
  expected = {
    str(file.relative_to(ours))
    for file in ours.rglob('*')
    if file.suffix in kinds
  }
  # Of a link, rglob shows nothing on every Python.
  expected |= {
    f'configs/{file.name}' for file in (source / 'configs').glob('*.config')
  }
  assert 'protos/pruning.proto' in expected
  assert expected == {
    str(file.relative_to(installed))
    for file in installed.rglob('*')
    if file.suffix in kinds
  }
