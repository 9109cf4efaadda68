"""How many examples record files hold."""

import struct
from typing import Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

# A record is its length, a checksum of that, the data and their checksum.
_LENGTH = struct.Struct('<Q')
_CHECKSUM_BYTES = 4


def count(patterns: Sequence[str]) -> int:
  """Counts the examples of TFRecord files, without reading them.

  Args:
    patterns: paths, with wildcards where there are shards.

  Raises:
    InputError: there is no such file, or it holds something else.
  """
  paths = [path for pattern in patterns for path in tf.gfile.Glob(pattern)]
  if not paths:
    raise errors.InputError(f'no record file at {", ".join(patterns)}')
  return sum(_count(path) for path in paths)


def _count(path: str) -> int:
  size = tf.gfile.Stat(path).length
  total = position = 0
  with tf.gfile.GFile(path, 'rb') as file:
    while position < size:
      file.seek(position)
      header = file.read(_LENGTH.size)
      if len(header) == _LENGTH.size:
        (length,) = _LENGTH.unpack(header)
        position += _LENGTH.size + length + 2 * _CHECKSUM_BYTES
      if len(header) < _LENGTH.size or position > size:
        raise errors.InputError(f'{path} is no TFRecord file, or is cut off')
      total += 1
  return total
