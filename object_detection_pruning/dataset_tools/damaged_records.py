"""Which record file is damaged, found once TensorFlow has met the damage.

TensorFlow tells at which byte, but not of which file.
"""

import contextlib
from typing import Iterator, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors


@contextlib.contextmanager
def named(patterns: Sequence[str]) -> Iterator[None]:
  """Turns the error of a damaged record file into one that names the file.

  Args:
    patterns: paths of the files that are read in this context, with wildcards
      where there are shards.

  Raises:
    InputError: one of the files is no TFRecord file, cut off or corrupt.
  """
  try:
    yield
  except tf.errors.DataLossError:
    for pattern in patterns:
      for path in tf.gfile.Glob(pattern):
        _check(path)
    raise


def _check(path: str) -> None:
  try:
    for _ in tf.python_io.tf_record_iterator(path):
      pass
  except tf.errors.DataLossError as error:
    # Its first line says at which byte.
    raise errors.InputError(f'{path} is damaged: {error.message}')
