"""Files and folders that appear complete or not at all.

All is written under a temporary name in the folder where it is to be, and then
renamed. What is not on this machine (`gs://...`) goes through `tf.gfile`.
"""

import contextlib
import os
import re
import shutil
import tempfile
from typing import Iterator, List, Optional, Union

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import paths as path_checks

_SCRATCH = '.partial-'


def write(path: str, content: Union[str, bytes]) -> None:
  """Writes a file whole, here or elsewhere; text is written as UTF-8.

  Raises:
    OSError: if the path is a folder or cannot be written.
  """
  data = content.encode('utf-8') if isinstance(content, str) else content
  with writing(path) as (temporary,), tf.gfile.GFile(temporary, 'wb') as file:
    file.write(data)


@contextlib.contextmanager
def writing(*paths: str) -> Iterator[List[str]]:
  """Gives temporary names to write to; renames them all on success.

  Missing folders are made. When the body fails, its files and the folders
  made for them are gone again, and files that stood at `paths` before are
  untouched.

  Args:
    *paths: the final names.

  Yields:
    One temporary name for each path, in the same folder as it. A file that
    the body did not write is left alone.

  Raises:
    OSError: if a path is a folder or cannot be written.
  """
  made: List[str] = []
  partial: List[str] = []
  try:
    for path in paths:
      if tf.gfile.IsDirectory(path):
        raise IsADirectoryError(f'{path} is a folder, not a file to write')
      folder, name = os.path.split(path)
      made += make_folders(folder)
      _sweep(folder, f'.{name}.', '.partial')
      partial.append(os.path.join(folder, f'.{name}.{os.getpid()}.partial'))
    yield list(partial)
    for temporary, path in zip(partial, paths):
      if tf.gfile.Exists(temporary):
        _rename(temporary, path)
  except BaseException:
    for path in partial:
      with contextlib.suppress(OSError, tf.errors.OpError):
        tf.gfile.Remove(path)
    remove_empty(made)
    raise


@contextlib.contextmanager
def writing_folder(folder: str) -> Iterator[str]:
  """Gives an empty folder that takes the place of `folder` on success.

  Args:
    folder: the final name, on this machine. What it held before is gone on
      success, and untouched when the body fails.

  Raises:
    OSError: if the path is a file or cannot be written.
  """
  folder = os.path.abspath(folder)
  if os.path.isfile(folder):
    raise NotADirectoryError(f'{folder} is a file, not a folder to write')
  with _scratch_in(os.path.dirname(folder)) as scratch:
    written = os.path.join(scratch, os.path.basename(folder))
    os.mkdir(written)
    yield written
    _replace(written, folder, scratch)


@contextlib.contextmanager
def writing_into(folder: str, last: Optional[str] = None) -> Iterator[str]:
  """Gives an empty folder whose content moves into `folder` on success.

  Each file or folder in it replaces the one of the same name; what else is in
  `folder` stays.

  Args:
    folder: where the content is to be, on this machine.
    last: name of the file that moves last, because it tells of the others.

  Raises:
    OSError: if the path is a file or cannot be written.
  """
  folder = os.path.abspath(folder)
  with _scratch_in(folder) as scratch:
    written = os.path.join(scratch, 'written')
    os.mkdir(written)
    yield written
    for name in sorted(os.listdir(written), key=lambda name: name == last):
      _replace(os.path.join(written, name), os.path.join(folder, name), scratch)


@contextlib.contextmanager
def _scratch_in(folder: str) -> Iterator[str]:
  """Gives a folder in another one, which is made and gone where it fails."""
  made = make_folders(folder)
  _sweep(folder, _SCRATCH, '')
  try:
    prefix = f'{_SCRATCH}{os.getpid()}-'
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as scratch:
      yield scratch
  except BaseException:
    remove_empty(made)
    raise


def _sweep(folder: str, before: str, after: str) -> None:
  """Removes what killed processes of this machine left half-written.

  Args:
    folder: where to look.
    before: what stands before the process's id in such a name.
    after: what stands behind it, up to the end or a dash.
  """
  if path_checks.is_remote(folder):
    return
  pattern = re.compile(rf'{re.escape(before)}(\d+)(?:-\w+)?{re.escape(after)}')
  for name in os.listdir(folder or '.'):
    match = pattern.fullmatch(name)
    if match and not _is_alive(int(match.group(1))):
      discard(os.path.join(folder, name))


def discard(path: str) -> None:
  """Removes a file or folder of this machine, if that can be."""
  with contextlib.suppress(OSError):
    if os.path.isdir(path):
      shutil.rmtree(path)
    else:
      os.remove(path)


def _is_alive(process: int) -> bool:
  try:
    os.kill(process, 0)
  except ProcessLookupError:
    return False
  except (OSError, OverflowError):
    # It is another user's, or no such number can be.
    return True
  return True


def _replace(source: str, target: str, scratch: str) -> None:
  """Moves a file or folder; an old folder goes once the new one is there."""
  if not os.path.isdir(target) or os.path.islink(target):
    os.replace(source, target)
    return
  old = tempfile.mkdtemp(dir=scratch)
  os.replace(target, os.path.join(old, 'old'))
  try:
    os.replace(source, target)
  except OSError:
    os.replace(os.path.join(old, 'old'), target)
    raise
  shutil.rmtree(old)


def _rename(source: str, target: str) -> None:
  if path_checks.is_remote(target):
    tf.gfile.Rename(source, target, overwrite=True)
  else:
    os.replace(source, target)


def make_folders(folder: str) -> List[str]:
  """Makes a folder and its parents; returns the new ones, outermost first."""
  if path_checks.is_remote(folder):
    tf.gfile.MakeDirs(folder)
    return []
  folder = os.path.abspath(folder)
  missing: List[str] = []
  parent = folder
  while not os.path.isdir(parent):
    missing.insert(0, parent)
    parent = os.path.dirname(parent)
  for path in missing:
    os.makedirs(path, exist_ok=True)
  if not os.access(folder, os.W_OK):
    raise PermissionError(f'no permission to write to {folder}')
  return missing


def remove_empty(folders: List[str]) -> None:
  """Removes those folders that hold nothing, the last one first."""
  for path in reversed(folders):
    with contextlib.suppress(OSError):
      os.rmdir(path)
