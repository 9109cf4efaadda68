"""TFRecord files of annotated images."""

import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import atomic_files, errors, progress
from object_detection_pruning.dataset_tools import examples, problems


class RecordFile(NamedTuple):
  """A TFRecord file to be written.

  Attributes:
    path: of the file.
    items: what stands for the images.
    read: makes an image of an item, or None of one that cannot be used.
    include_masks: whether to write the instance masks.
  """

  path: str
  items: Sequence[Any]
  read: Callable[[Any], Optional[examples.AnnotatedImage]]
  include_masks: bool = False


def write(
  files: Sequence[RecordFile],
  texts: Dict[str, str],
  broken: problems.Problems,
  strict: bool = False,
) -> List[int]:
  """Writes record files and what goes with them: all of it or nothing.

  The same images give the same bytes.

  Args:
    files: the record files.
    texts: the content of further files by path.
    broken: what `read` tells of broken records; its count is told.
    strict: whether a broken record is an error.

  Returns:
    The number of images in each record file.

  Raises:
    errors.InputError: if a file would have no image, or if `strict` and some
      record is broken.
    OSError: if something cannot be written.
  """
  paths = [file.path for file in files]
  with atomic_files.writing(*paths, *texts) as temporary:
    counts = [_write_file(path, file) for path, file in zip(temporary, files)]
    for path, text in zip(temporary[len(files) :], texts.values()):
      with open(path, 'w', encoding='utf-8') as stream:
        stream.write(text)
    broken.conclude(strict)
    for file, count in zip(files, counts):
      if not count:
        raise errors.InputError(
          f'none of the {len(file.items)} images for {file.path} can be used'
        )
  return counts


def _write_file(path: str, file: RecordFile) -> int:
  written = 0
  with tf.io.TFRecordWriter(path) as writer:
    for item in progress.over(file.items, os.path.basename(file.path)):
      image = file.read(item)
      if image is None:
        continue
      example = examples.to_example(image, file.include_masks)
      # A message's map has no order of its own.
      writer.write(example.SerializeToString(deterministic=True))
      written += 1
  return written
