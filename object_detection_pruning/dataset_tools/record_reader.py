"""TFRecord files: found by patterns, counted, read; damaged ones are named."""

import contextlib
import struct
import warnings
from typing import Iterator, List, NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

# A record is its length, a checksum of that, the data and their checksum.
_LENGTH = struct.Struct('<Q')
_CHECKSUM_BYTES = 4


class Record(NamedTuple):
  """What a file holds, nothing of it parsed.

  Attributes:
    path: of the file.
    number: of the example in it, from 1.
    data: a serialized `tf.Example`, where the file is of examples.
  """

  path: str
  number: int
  data: bytes

  @property
  def location(self) -> str:
    """File and number, to begin a message with."""
    return f'{self.path}, example {self.number},'

  def parse(self) -> tf.train.Example:
    """Parses the example.

    Raises:
      InputError: it is something else.
    """
    with warnings.catch_warnings():
      # Protobuf only warns of bytes that go on after the message.
      warnings.simplefilter('error', RuntimeWarning)
      try:
        return tf.train.Example.FromString(self.data)
      except Exception:  # DecodeError has moved between versions.
        raise errors.InputError(f'{self.location} is no tf.Example')


def match(patterns: Sequence[str]) -> List[str]:
  """Lists the files that patterns stand for, in their order, each of them once.

  Args:
    patterns: paths, with wildcards where there are shards. One that stands for
      no file is passed over, as the stock reader does.
  """
  # Patterns may overlap, and no example counts twice.
  return list(dict.fromkeys(path for p in patterns for path in _matches(p)))


def find(patterns: Sequence[str], what: str = 'record file') -> List[str]:
  """Lists the same as `match`, and at least one file.

  Args:
    patterns: as for `match`.
    what: the files are, for the error.

  Raises:
    InputError: there is no file, or a folder stands where one should.
  """
  found = match(patterns)
  if not patterns:
    raise errors.InputError(f'no {what} is given')
  if not found:
    raise errors.InputError(f'no {what} at {", ".join(patterns)!r}')
  for path in found:
    if tf.gfile.IsDirectory(path):
      raise errors.InputError(f'{what} {path!r} is a folder')
  return found


def find_each(patterns: Sequence[str], what: str = 'record file') -> List[str]:
  """Lists the same as `find`, and at least one file for each pattern."""
  for pattern in patterns:
    find([pattern], what)
  return find(patterns, what)


def _matches(pattern: str) -> List[str]:
  # A name may hold what is a wildcard elsewhere.
  if tf.gfile.Exists(pattern):
    return [pattern]
  # A folder that is not there is an error of its own.
  with contextlib.suppress(tf.errors.NotFoundError):
    return sorted(tf.gfile.Glob(pattern))
  return []


def read(paths: Sequence[str], limit: Optional[int] = None) -> Iterator[Record]:
  """Reads files in their order, one by one.

  Args:
    paths: of the files, as `find` gives them.
    limit: how many examples at most; None for all.

  Raises:
    InputError: a file is damaged, or no TFRecord file.
  """
  total = 0
  for path in paths:
    number = position = 0
    if total == limit:
      return
    try:
      for data in tf.python_io.tf_record_iterator(path):
        position += _size(len(data))
        number += 1
        total += 1
        yield Record(path, number, data)
        if total == limit:
          return
    except tf.errors.OpError as error:
      # The first line says at which byte, and later versions how reading ended.
      reason = error.message.splitlines()[0].partition("' failed with ")[0]
      raise _damaged(path, number, reason)
    # TensorFlow takes a few bytes at the end for the end.
    if position != tf.gfile.Stat(path).length:
      raise _damaged(path, number, f'truncated record at {position}')


def count(patterns: Sequence[str], what: str = 'record file') -> int:
  """Counts the examples of files, without reading them.

  Args:
    patterns: as for `find`.
    what: as for `find`.

  Raises:
    InputError: as for `find`, or a file is cut off or no TFRecord file.
  """
  return sum(_count(path) for path in find(patterns, what))


def is_empty(path: str) -> bool:
  """Tells whether a file holds no example."""
  return not tf.gfile.Stat(path).length


def check_not_empty(number: int, what: str, patterns: Sequence[str]) -> None:
  """Refuses files without a single example.

  Args:
    number: of examples in them.
    what: the files are together.
    patterns: of the files.

  Raises:
    InputError: there is no example.
  """
  if not number:
    raise errors.InputError(f'the {what} is empty: {", ".join(patterns)}')


@contextlib.contextmanager
def naming_damage(patterns: Sequence[str]) -> Iterator[None]:
  """Turns TensorFlow's error of a damaged file into one that names the file.

  TensorFlow's own tells at which byte, but not of which file.

  Args:
    patterns: of the files that are read in this context.

  Raises:
    InputError: one of the files is no TFRecord file, cut off or corrupt.
  """
  try:
    yield
  except tf.errors.DataLossError:
    for _ in read(match(patterns)):
      pass
    raise


def _count(path: str) -> int:
  size = tf.gfile.Stat(path).length
  total = position = 0
  with tf.gfile.GFile(path, 'rb') as file:
    while position < size:
      start = position
      file.seek(position)
      header = file.read(_LENGTH.size)
      if len(header) == _LENGTH.size:
        (length,) = _LENGTH.unpack(header)
        position += _size(length)
      if len(header) < _LENGTH.size or position > size:
        raise _damaged(path, total, f'truncated record at {start}')
      total += 1
  return total


def _size(length: int) -> int:
  """Gives the bytes of a record with so many bytes of data."""
  return _LENGTH.size + length + 2 * _CHECKSUM_BYTES


def _damaged(path: str, number: int, reason: str) -> errors.InputError:
  if not number:
    return errors.InputError(
      f'{path} is no TFRecord file, or is damaged: {reason}'
    )
  return errors.InputError(
    f'{path} is damaged after example {number}: {reason}'
  )
