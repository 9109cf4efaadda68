"""Each way to install the library: what is there, and that it works.

Slim's `nets` and ours must stay apart in each.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import bare_environments
import pytest
from bare_environments import SITE_PACKAGES, pip, run, site_packages_of

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

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
  return bare_environments.make(tmp_path / 'venv')


@pytest.fixture(scope='module')
def archive(source, tmp_path_factory):
  """The source distribution."""
  folder = tmp_path_factory.mktemp('sdist')
  run(
    sys.executable,
    'setup.py',
    '--quiet',
    'sdist',
    '--dist-dir',
    folder,
    cwd=source,
  )
  (made,) = folder.glob('*.tar.gz')
  return made


@pytest.fixture(scope='module')
def installed(source, tmp_path_factory):
  """An environment with what was installed from a wheel: its Python."""
  folder = tmp_path_factory.mktemp('installed')
  python = bare_environments.make(folder / 'venv')
  pip(python, 'wheel', '--wheel-dir', folder, source)
  (wheel,) = folder.glob('*.whl')
  pip(python, 'install', wheel)
  return python


def test_running_from_the_source_tree(source, python):
  check_origins(python, cwd=source, library=source)


def test_editable_install(source, python, tmp_path):
  pip(python, 'install', '--editable', source)
  check_origins(python, cwd=tmp_path, library=source)


def test_wheel_keeps_the_two_packages_apart(installed, tmp_path):
  check_origins(installed, cwd=tmp_path, library=site_packages_of(installed))


def files_of(python):
  """Gives the bytes of each file of the package, without what is compiled."""
  package = site_packages_of(python) / 'object_detection_pruning'
  return {
    str(file.relative_to(package)): file.read_bytes()
    for file in package.rglob('*')
    if file.is_file() and file.suffix != '.pyc'
  }


def test_source_distribution_installs_what_the_wheel_does(
  archive, python, installed
):
  pip(python, 'install', archive)
  files = files_of(python)
  assert len(files) > 200
  assert files == files_of(installed)
  assert (python.parent / 'odp').exists()


def test_wheel_carries_the_data_files_of_the_package(source, installed):
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
    name for name in files_of(installed) if name.endswith(kinds)
  }


@pytest.mark.slow
def test_quickstart_begins_in_another_folder(installed, tmp_path):
  """It draws its data, trains by the sample config, and saves when stopped."""
  log = tmp_path / 'log'
  with open(str(log), 'w') as stderr:
    process = subprocess.Popen(
      [
        str(installed.parent / 'odp'),
        'quickstart',
        '--output_dir=here',
        '--batch_size=2',
      ],
      cwd=str(tmp_path),
      env=bare_environments.variables(),
      stderr=stderr,
    )
  begun = tmp_path / 'here/dense/model.ckpt-0.index'
  while process.poll() is None and not begun.exists():
    time.sleep(0.1)
  process.send_signal(signal.SIGTERM)
  assert process.wait() == 143, log.read_text()
  assert '1 of 4: dense, 1000 steps' in log.read_text()
  assert 'Traceback' not in log.read_text()
  config = (tmp_path / 'here/dense/pipeline.config').read_text()
  for name in ('train.record', 'val.record', 'label_map.pbtxt'):
    assert (tmp_path / 'here/data' / name).stat().st_size
    assert f'here/data/{name}"' in config


def test_missing_stock_api_is_one_line(installed, tmp_path):
  python = bare_environments.make(
    tmp_path / 'venv', without=['object_detection', 'tf_object_detection']
  )
  for name in ('object_detection_pruning', 'odp_launcher.py'):
    (site_packages_of(python) / name).symlink_to(
      site_packages_of(installed) / name
    )
  done = subprocess.run(
    [str(python), '-c', 'import odp_launcher; odp_launcher.main()', 'detect'],
    cwd=str(tmp_path),
    env=bare_environments.variables(),
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1
  assert done.stderr.startswith('error: the Object Detection API (module obj')
  assert 'pip install --no-deps tf-object-detection' in done.stderr


# Of the source tree: what only its history and continuous integration need.
NOT_SHIPPED = {'.ci', '.dockerignore', '.gitignore'}


def test_source_distribution_has_its_tests_and_they_run(archive, tmp_path):
  tracked = subprocess.run(
    ['git', '-C', ROOT, 'ls-files'], stdout=subprocess.PIPE
  )
  if tracked.returncode != 0:
    pytest.skip('this source tree is no clone')
  with tarfile.open(str(archive)) as file:
    file.extractall(str(tmp_path))
  (tree,) = tmp_path.iterdir()
  missing = [
    name
    for name in tracked.stdout.decode().splitlines()
    if name.split('/')[0] not in NOT_SHIPPED and not (tree / name).exists()
  ]
  assert missing == []
  python = bare_environments.make(tmp_path / 'venv')
  run(
    python,
    '-m',
    'pytest',
    'tests/core/schedules_test.py',
    'tests/docker_test.py',
    cwd=tree,
  )
