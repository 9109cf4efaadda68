"""Checks of files to read and folders to write, before any long work."""

import os
from typing import Iterable, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors


def is_remote(path: str) -> bool:
  """Tells whether a path is not of this machine's own file system."""
  return '://' in path


def folder_to_write(name: str, path: str) -> str:
  """Returns the path of a folder that can be made or written to.

  Args:
    name: what the user calls it, such as `--model_dir`.
    path: the folder; it need not exist. A folder that is not on this machine
      is not looked at.

  Raises:
    InputError: the path is empty, a file or below one, or may not be written.
  """
  if not path:
    raise errors.InputError(f'{name} must be a folder, got {path!r}')
  if is_remote(path):
    return path
  existing = os.path.abspath(path)
  while not os.path.lexists(existing):
    existing = os.path.dirname(existing)
  if not os.path.isdir(existing):
    raise errors.InputError(
      f'{name} must be a folder, got {path}: {existing} is a file'
    )
  if not os.access(existing, os.W_OK | os.X_OK):
    raise errors.InputError(
      f'{name} {path} cannot be written: no permission in {existing}'
    )
  return path


def files_to_write(
  name: str,
  folder: str,
  files: Iterable[str],
  overwrite: bool,
  inputs: Sequence[Optional[str]] = (),
) -> None:
  """Checks what a command is about to write into a folder.

  Every command that fills a folder calls it first of all.

  Args:
    name: what the user calls the folder, such as `--output_dir`.
    folder: it need not exist.
    files: names of files and folders to be written into it.
    overwrite: whether older ones may be replaced.
    inputs: files that the command reads, None or '' where one is not given;
      these are never replaced.

  Raises:
    InputError: the folder cannot be written, one of the files is there, or is
      an input.
  """
  folder_to_write(name, folder)
  written = [os.path.join(folder, file) for file in files]
  for path in written:
    refuse_inputs(path, *inputs)
  refuse_existing(*written, overwrite=overwrite)


def refuse_existing(*found: str, overwrite: bool = False) -> None:
  """Refuses to replace files and folders, unless that is asked for.

  Args:
    *found: what is to be written.
    overwrite: whether it may be replaced.

  Raises:
    InputError: one of them exists.
  """
  for path in found:
    if not overwrite and tf.gfile.Exists(path):
      raise errors.InputError(
        f'{path} exists already: choose another name, or replace it with '
        '--overwrite'
      )


def refuse_inputs(output: str, *inputs: Optional[str]) -> None:
  """Refuses to write over what is read, which no flag asks for.

  Args:
    output: path of the file to be written.
    *inputs: paths that are read; None and '' for those not given.

  Raises:
    InputError: the output is one of them.
  """
  for path in filter(None, inputs):
    if os.path.realpath(output) == os.path.realpath(path):
      raise errors.InputError(
        f'{output} is read as well: choose another name for what is written'
      )


def refuse_folder_of(given: str, folder: str) -> None:
  """Refuses to write a model into the folder of the one that it is made of.

  Its config and its list of checkpoints have the same names there.

  Args:
    given: file of a model, or prefix of a checkpoint.
    folder: what --output_dir says.

  Raises:
    InputError: the folder is that of the model.
  """
  if os.path.realpath(folder) == os.path.dirname(os.path.realpath(given)):
    raise errors.InputError(
      f'--output_dir must be another folder than that of {given}'
    )


def file_to_read(name: str, path: str) -> str:
  """Returns the path of a file that is there, or raises `InputError`."""
  if not path or not tf.gfile.Exists(path) or tf.gfile.IsDirectory(path):
    raise errors.InputError(f'{name} must be a file, got {path!r}')
  return path


def warn_of_older(path: str, flag: str) -> None:
  """Says that a file is there which this run has not replaced.

  Args:
    path: of the file, which need not exist.
    flag: what replaces it as well.
  """
  if os.path.exists(path):
    tf.logging.warning(
      '%s is of an earlier run: pass %s to replace it too.', path, flag
    )
