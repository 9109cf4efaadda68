"""Says in one line what is wrong with a disk, a folder or a network."""

import errno
import re
from typing import Optional

import tensorflow.compat.v1 as tf

# What the system says, however TensorFlow wraps it -> what to do about it.
_ADVICE = {
  errno.ENOSPC: 'the disk is full: free some space and start again',
  errno.EDQUOT: 'your quota is used up: free some space and start again',
  errno.EFBIG: 'the file would be larger than is allowed here (ulimit -f)',
  errno.EROFS: 'the disk is read-only: choose another folder',
  errno.EACCES: 'no permission: choose another folder, or change its mode',
  errno.EPERM: 'no permission: choose another folder, or change its mode',
  errno.EIO: 'the disk or the network folder fails: check it and start again',
  errno.ESTALE: 'the network folder was lost: mount it and start again',
  errno.ENOTCONN: 'the network folder was lost: mount it and start again',
  errno.EHOSTDOWN: 'the network folder was lost: mount it and start again',
  errno.ETIMEDOUT: 'the network folder was lost: mount it and start again',
  errno.EMFILE: 'too many files are open (ulimit -n)',
}
# As strerror words them in what TensorFlow raises.
_WORDS = {
  'no space left on device': errno.ENOSPC,
  'disk quota exceeded': errno.EDQUOT,
  'file too large': errno.EFBIG,
  'read-only file system': errno.EROFS,
  'permission denied': errno.EACCES,
  'operation not permitted': errno.EPERM,
  'input/output error': errno.EIO,
  'stale file handle': errno.ESTALE,
  'transport endpoint is not connected': errno.ENOTCONN,
  'too many open files': errno.EMFILE,
}
_OF_FILES = (OSError, tf.errors.NotFoundError, tf.errors.DataLossError)
_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)
# What TensorFlow puts behind the name of a file that is not finished.
_PART = re.compile(r'(\.tmp|_temp_)[0-9a-f]+(/.*)?$')
_PLACE = re.compile(r'^Graph execution error:\n.*?\nNode: [^\n]*\n', re.DOTALL)
_PATH = re.compile(r'(?:^|[\s\'"])((?:/|\./)[^\s;:\'",]+)')


def describe(error: BaseException) -> Optional[str]:
  """Describes a fault of the world around the program.

  Args:
    error: whatever was raised.

  Returns:
    One line; None if the error is none of these faults, so that it must be a
    defect of the program.
  """
  # Whoever read the output has enough of it.
  if isinstance(error, BrokenPipeError):
    return None
  number = _number(error)
  if number is not None:
    path = _path(error)
    return (f'{path}: ' if path else '') + _ADVICE[number]
  if isinstance(error, _OF_FILES):
    return first_line(error)
  if isinstance(error, _OF_MEMORY):
    return 'no memory is left: take smaller batches or images, or fewer at once'
  return None


def first_line(error: BaseException) -> str:
  """Gives what an error says, without what it says besides."""
  # TensorFlow says what is wrong after a general remark, and TensorFlow 2 after
  # the place in the program too.
  whole = error.message if isinstance(error, tf.errors.OpError) else str(error)
  text = (whole or '').split('Original error:')[-1].strip()
  lines = _PLACE.sub('', text).splitlines()
  return lines[0] if lines else type(error).__name__


def _number(error: BaseException) -> Optional[int]:
  """Gives the system's number of a fault; None if it is none of those here."""
  if isinstance(error, OSError) and error.errno is not None:
    return error.errno if error.errno in _ADVICE else None
  if not isinstance(error, (OSError, tf.errors.OpError)):
    return None
  text = str(error).lower()
  return next((each for words, each in _WORDS.items() if words in text), None)


def _path(error: BaseException) -> Optional[str]:
  name = getattr(error, 'filename', None)
  if name:
    return str(name)
  found = _PATH.search(str(error))
  return _PART.sub('', found.group(1)) if found else None
