"""Keeps two commands from writing into one folder or file at a time.

A lock is a file beside what is written, or in its folder. The system holds it
for as long as its process lives: what a killed process leaves behind locks
nothing. It is gone when the command ends.

The package filelock, which `sparse_ops.library` waits with, cannot do this: it
empties the file that says who holds it, leaves it behind, and takes a file
system without locks for a lock that somebody has.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
from typing import Optional

from object_detection_pruning.common import atomic_files, errors, paths

# File systems that cannot lock, such as some network folders.
_CANNOT = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_TAKEN = (errno.EAGAIN, errno.EACCES)


class _Lock:
  """A lock that this process holds."""

  def __init__(self, path: str, descriptor: int, made: list):
    self.path = path
    self.descriptor = descriptor
    self.made = made


_held = {}  # type: Dict[str, _Lock]


def hold_folder(name: str, folder: str, role: str = '') -> None:
  """Claims a folder to write into, until this process ends.

  Args:
    name: what the user calls it, such as `--output_dir`.
    folder: it need not exist, and is removed if nothing is put into it. One
      that is not on this machine is not claimed.
    role: what is done to it, where several processes may do different things,
      such as the worker and the evaluator of a cluster.

  Raises:
    InputError: another process has claimed it; the line has its id.
    OSError: it cannot be written.
  """
  if folder and not paths.is_remote(folder):
    _hold(name, folder, os.path.realpath(folder), role)


def hold_file(name: str, path: str) -> None:
  """Claims a file to write; see `hold_folder`.

  One whose folder is not there is not claimed: not every command makes it.
  """
  if path and not paths.is_remote(path):
    folder, base = os.path.split(os.path.realpath(path))
    if os.path.isdir(folder):
      _hold(name, path, folder, base)


def _hold(name: str, shown: str, folder: str, title: str) -> None:
  path = os.path.join(folder, f'.{title}{"." if title else ""}lock')
  if path in _held:
    return
  made = atomic_files.make_folders(folder)
  try:
    descriptor = _open(path)
  except _Taken as other:
    raise errors.InputError(f'{name} {shown} is being written by {other}')
  except OSError:
    atomic_files.remove_empty(made)
    raise
  if descriptor is None:
    atomic_files.remove_empty(made)
  else:
    _held[path] = _Lock(path, descriptor, made)


def release() -> None:
  """Gives up all that this process holds."""
  while _held:
    _, lock = _held.popitem()
    # Removed while it is held, so that nobody else's can be meant.
    with contextlib.suppress(OSError):
      if _is_still(lock.descriptor, lock.path):
        os.remove(lock.path)
    os.close(lock.descriptor)
    atomic_files.remove_empty(lock.made)


class _Taken(Exception):
  """Another process holds it; the message says which."""


def _open(path: str) -> Optional[int]:
  """Opens and locks a file; gives None where there are no locks."""
  while True:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
      # Not inherited by the programs that this process starts.
      fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
      holder = _holder(descriptor)
      os.close(descriptor)
      if error.errno in _TAKEN:
        raise _Taken(holder)
      if error.errno in _CANNOT:
        with contextlib.suppress(OSError):
          os.remove(path)
        return None
      raise
    # The one who held it may have removed it since it was opened here.
    if _is_still(descriptor, path):
      os.ftruncate(descriptor, 0)
      ours = {'pid': os.getpid(), 'host': socket.gethostname()}
      os.write(descriptor, json.dumps(ours).encode())
      return descriptor
    os.close(descriptor)


def _is_still(descriptor: int, path: str) -> bool:
  try:
    return os.path.samestat(os.fstat(descriptor), os.stat(path))
  except FileNotFoundError:
    return False


def _holder(descriptor: int) -> str:
  """Says who holds a lock: it has written that into the file."""
  try:
    known = json.loads(os.pread(descriptor, 4096, 0).decode())
    pid, host = known['pid'], known['host']
  except (OSError, ValueError, KeyError, TypeError):
    return 'another process: wait for it'
  where = '' if host == socket.gethostname() else f' on {host}'
  return f'process {pid}{where}: wait for it, or stop it'
