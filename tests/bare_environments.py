"""Environments in which this project is not installed yet.

Each stands on the packages of the running one, so that nothing is downloaded.
"""

import os
import pathlib
import subprocess
import sysconfig
import venv
from typing import Dict, Sequence

SITE_PACKAGES = sysconfig.get_paths()['purelib']


def make(folder: pathlib.Path, without: Sequence[str] = ()) -> pathlib.Path:
  """Makes a virtual environment.

  An editable install of the running environment does not count in it.

  Args:
    folder: of the environment.
    without: what the names of packages begin with that it must not have.

  Returns:
    path of its interpreter.
  """
  venv.create(str(folder), symlinks=True)
  python = folder / 'bin/python'
  packages = SITE_PACKAGES
  if without:
    packages = folder / 'packages'
    packages.mkdir()
    for name in os.listdir(SITE_PACKAGES):
      if not name.startswith(tuple(without)):
        (packages / name).symlink_to(os.path.join(SITE_PACKAGES, name))
  link = site_packages_of(python) / 'parent.pth'
  link.write_text(f'{packages}\n')
  return python


def site_packages_of(python: pathlib.Path) -> pathlib.Path:
  """Gives the folder that its packages are installed into."""
  return next((python.parent.parent / 'lib').glob('python*/site-packages'))


def variables() -> Dict[str, str]:
  """Gives the variables of this process that lead to no package."""
  return {
    name: value
    for name, value in os.environ.items()
    if name not in ('PYTHONPATH', 'PYTHONHOME')
  }


def run(*command, cwd: pathlib.Path) -> str:
  """Runs a program to its end, and gives what it printed."""
  result = subprocess.run(
    [str(part) for part in command],
    cwd=str(cwd),
    env=variables(),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  assert result.returncode == 0, result.stderr.decode()
  return result.stdout.decode()


def pip(python: pathlib.Path, command: str, *what) -> None:
  """Lets pip work with what is there, and without an index."""
  run(
    python,
    '-m',
    'pip',
    '--disable-pip-version-check',
    command,
    '--no-index',
    '--no-deps',
    '--no-build-isolation',
    *what,
    cwd=python.parent,
  )
