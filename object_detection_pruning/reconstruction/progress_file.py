"""Finished parts of a run on disk, for a run that is started again."""

import os
import pickle
import shutil
from typing import Any, Callable, Optional

from object_detection_pruning.common import atomic_files, errors

_NAME = 'run'


class Folder:
  """Parts by name, one file each."""

  def __init__(self, path: Optional[str], fingerprint: str):
    """Opens the folder.

    Args:
      path: of the folder; None keeps nothing.
      fingerprint: of all that the parts depend on.

    Raises:
      InputError: the folder has parts of another run.
    """
    self._path = path
    if path is None:
      return
    if self.load(_NAME) not in (None, fingerprint):
      raise errors.InputError(
        f'{path} has parts of a run with other photos, settings or another '
        'model: name another folder, or remove that one'
      )
    self.save(_NAME, fingerprint)

  def get(self, name: str, make: Callable[[], Any]) -> Any:
    """Gives a part, and makes and keeps it if it is not there yet."""
    if self._path is None:
      return make()
    found = self.load(name)
    if found is None:
      found = make()
      self.save(name, found)
    return found

  def load(self, name: str) -> Any:
    """Gives a part, None if it is not there yet."""
    if self._path is None or not os.path.exists(self._file(name)):
      return None
    with open(self._file(name), 'rb') as file:
      return pickle.load(file)

  def save(self, name: str, part: Any) -> None:
    """Keeps a part."""
    if self._path is None:
      return
    with atomic_files.writing(self._file(name)) as (temporary,), open(
      temporary, 'wb'
    ) as file:
      pickle.dump(part, file, protocol=4)

  def remove(self) -> None:
    """Removes all parts: the run has ended."""
    if self._path is not None:
      shutil.rmtree(self._path)

  def _file(self, name: str) -> str:
    return os.path.join(self._path, name.replace(' ', '_') + '.pickle')
