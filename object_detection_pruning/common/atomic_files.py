"""Output files that appear complete or not at all."""

import contextlib
import os
from typing import Iterator, List


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
  made = []
  partial = []
  try:
    for path in paths:
      if os.path.isdir(path):
        raise IsADirectoryError(f'{path} is a folder, not a file to write')
      folder, name = os.path.split(os.path.abspath(path))
      made += _make_folders(folder)
      if not os.access(folder, os.W_OK):
        raise PermissionError(f'no permission to write to {folder}')
      partial.append(os.path.join(folder, f'.{name}.{os.getpid()}.partial'))
    yield list(partial)
    for temporary, path in zip(partial, paths):
      if os.path.exists(temporary):
        os.replace(temporary, path)
  except BaseException:
    _remove(partial, made)
    raise


def _make_folders(folder: str) -> List[str]:
  """Makes a folder and its parents; returns the new ones, outermost first."""
  missing = []
  while not os.path.isdir(folder):
    missing.insert(0, folder)
    folder = os.path.dirname(folder)
  for path in missing:
    os.makedirs(path, exist_ok=True)
  return missing


def _remove(files: List[str], folders: List[str]) -> None:
  for path in files:
    with contextlib.suppress(OSError):
      os.remove(path)
  for path in reversed(folders):
    with contextlib.suppress(OSError):
      os.rmdir(path)
