"""Checkpoints as dictionaries of arrays: found, read, written in one piece."""

import contextlib
import glob
import os
import re
from typing import Callable, Dict, Iterator, Optional, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import atomic_files, errors

_INDEX = '.index'
# What tf.train.Checkpoint adds to the variables.
_OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH'
# As TensorFlow and `atomic_files` name what they have not finished.
_HALF_WRITTEN = re.compile(
  r'(\.tmp|_temp_)[0-9a-f]{32}$|\.tempstate\d+$|^\..*\.\d+\.partial$'
)
_PART = re.compile(r'(model\.ckpt-\d+)\.(data-\d+-of-\d+|meta)$')
# The files of a checkpoint, any of which a shell completes a prefix to.
_OF_ONE_FILE = re.compile(r'\.(index|meta|data-\d{5}-of-\d{5})$')


def prefix_of(path: str) -> str:
  """Gives the prefix of a checkpoint that is named by one of its files.

  Any other path is given back as it is.
  """
  prefix = _OF_ONE_FILE.sub('', path)
  return prefix if exists(prefix) else path


def exists(prefix: str) -> bool:
  """Tells whether a checkpoint is there under a prefix."""
  # The second is what a checkpoint of the old format is called.
  return any(
    tf.gfile.Exists(name) and not tf.gfile.IsDirectory(name)
    for name in (prefix + _INDEX, prefix)
  )


def latest(folder: str) -> Optional[str]:
  """Gives the prefix of the latest checkpoint of a folder; None for none.

  Raises:
    InputError: the file that names it is damaged.
  """
  try:
    return tf.train.latest_checkpoint(folder)
  except ValueError:
    raise errors.InputError(
      f'{os.path.join(folder, "checkpoint")} names no checkpoint, so it is '
      'damaged: remove it, or name another folder'
    )


def resolve(path: str) -> str:
  """Gives the prefix of a checkpoint.

  Args:
    path: a prefix (`.../model.ckpt-600`), one of the files of a checkpoint
      (`.../model.ckpt-600.index`), or a folder, whose latest checkpoint is
      taken.

  Raises:
    InputError: there is no checkpoint.
  """
  if os.path.isdir(path):
    prefix = latest(path)
    if prefix is None:
      raise errors.InputError(f'no checkpoint in the folder {path}')
    return prefix
  path = prefix_of(path)
  if not exists(path) or _OF_ONE_FILE.search(path):
    raise errors.InputError(
      f'no checkpoint at {path!r}: give a prefix such as model.ckpt-600, '
      'or a folder'
    )
  return path


def shapes(prefix: str) -> Dict[str, Tuple[int, ...]]:
  """Reads the shape of every variable of a checkpoint, by name."""
  reader = _reader(prefix)
  return {
    name: tuple(shape)
    for name, shape in reader.get_variable_to_shape_map().items()
  }


def read(prefix: str) -> Dict[str, np.ndarray]:
  """Reads all variables of a checkpoint, by name.

  Raises:
    InputError: it is damaged, or one of TensorFlow 2.
  """
  reader = _reader(prefix)
  with _readable(prefix):
    return {
      name: reader.get_tensor(name)
      for name in sorted(reader.get_variable_to_shape_map())
    }


def lookup(prefix: str) -> Callable[[str], np.ndarray]:
  """Gives a function that reads one variable of a checkpoint by its name."""
  reader = _reader(prefix)

  def get(name: str) -> np.ndarray:
    with _readable(prefix):
      return reader.get_tensor(name)

  return get


def global_step(prefix: str) -> int:
  """Reads the global step of a checkpoint; 0 where it has none."""
  reader = _reader(prefix)
  if not reader.has_tensor(tf.GraphKeys.GLOBAL_STEP):
    return 0
  with _readable(prefix):
    return int(reader.get_tensor(tf.GraphKeys.GLOBAL_STEP))


def write(prefix: str, tensors: Dict[str, np.ndarray]) -> None:
  """Writes a checkpoint; a reader sees the old one or the new one whole.

  Args:
    prefix: path without the endings; its folder is made.
    tensors: arrays by variable name, at least one.
  """
  folder, name = os.path.split(os.path.abspath(prefix))
  names = sorted(tensors)
  # The index names the data files, so it comes last.
  with atomic_files.writing_into(folder, last=name + _INDEX) as scratch:
    with tf.Graph().as_default(), tf.Session() as session:
      inputs = [
        tf.placeholder(tensors[name].dtype, tensors[name].shape)
        for name in names
      ]
      save = tf.raw_ops.SaveV2(
        prefix=os.path.join(scratch, name),
        tensor_names=names,
        shape_and_slices=[''] * len(names),
        tensors=inputs,
      )
      session.run(save, {i: tensors[n] for i, n in zip(inputs, names)})
    new = set(os.listdir(scratch))
  for path in glob.glob(glob.escape(prefix) + '.data-*'):
    if os.path.basename(path) not in new:
      os.remove(path)


@contextlib.contextmanager
def tidied(folder: str) -> Iterator[None]:
  """Removes what a killed run has left half-written, and what the body leaves.

  Args:
    folder: of a training run that nobody else writes.
  """
  _tidy(folder)
  try:
    yield
  except BaseException:
    _tidy(folder)
    raise


def _tidy(folder: str) -> None:
  if not os.path.isdir(folder):
    return
  names = os.listdir(folder)
  whole = {name[: -len(_INDEX)] for name in names if name.endswith(_INDEX)}
  for name in names:
    part = _PART.match(name)
    if _HALF_WRITTEN.search(name) or (part and part.group(1) not in whole):
      atomic_files.discard(os.path.join(folder, name))


def name_latest(prefix: str) -> None:
  """Makes a checkpoint the latest one of its folder.

  It is named without the folder, so the folder may be moved.
  """
  folder, name = os.path.split(os.path.abspath(prefix))
  # A name would be taken relative to the current folder if this one were.
  tf.train.update_checkpoint_state(folder, name)


# TensorFlow 2 makes an IndexError of data that end too early.
_DAMAGE = (tf.errors.OpError, ValueError, IndexError)


def _reader(prefix: str):
  with _readable(prefix):
    reader = tf.train.NewCheckpointReader(prefix)
  if reader.has_tensor(_OBJECT_GRAPH):
    raise errors.InputError(
      f'{prefix} is a checkpoint of TensorFlow 2 (tf.train.Checkpoint): give '
      'one that was trained with model_main or another tf.train.Saver'
    )
  return reader


@contextlib.contextmanager
def _readable(prefix: str) -> Iterator[None]:
  """Turns what TensorFlow says of a damaged checkpoint into one line.

  A reader opens the index alone, so damage to the values shows later.
  """
  try:
    yield
  except _DAMAGE as error:
    first_line = str(error).splitlines()[0]
    raise errors.InputError(f'cannot read checkpoint {prefix}: {first_line}')
