"""The images and boxes of an evaluation record."""

import io
from typing import Iterator, NamedTuple, Optional

import numpy as np
import tensorflow as tf
from PIL import Image

from object_detection_pruning.core import errors


class Example(NamedTuple):
  """One image and the objects in it.

  Attributes:
    name: unique within the record.
    image: uint8 [height, width, 3], RGB.
    boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) in pixels.
    class_ids: int64 [n].
    is_crowd: bool [n].
    masks: uint8 [n, height, width], or None where the record has none.
  """

  name: str
  image: np.ndarray
  boxes: np.ndarray
  class_ids: np.ndarray
  is_crowd: np.ndarray
  masks: Optional[np.ndarray]


def read(path: str, limit: Optional[int] = None) -> Iterator[Example]:
  """Reads the examples of a TFRecord file in their order.

  Args:
    path: as the Object Detection API's data tools write it.
    limit: how many to read; None for all.

  Raises:
    InputError: there is no such file, or it holds no detection examples.
  """
  if not tf.gfile.Exists(path):
    raise errors.InputError(f'no evaluation record at {path!r}')
  number = 0
  try:
    for serialized in tf.python_io.tf_record_iterator(path):
      if limit is not None and number >= limit:
        return
      yield _parse(serialized, number)
      number += 1
  except (tf.errors.DataLossError, KeyError) as error:
    raise errors.InputError(f'{path} is no record of detection data: {error}')
  if not number:
    raise errors.InputError(f'evaluation record {path} is empty')


def count(path: str, limit: Optional[int] = None) -> int:
  """Counts the examples that `read` gives."""
  if not tf.gfile.Exists(path):
    return 0
  number = sum(1 for _ in tf.python_io.tf_record_iterator(path))
  return number if limit is None else min(number, limit)


def _parse(serialized: bytes, number: int) -> Example:
  features = tf.train.Example.FromString(serialized).features.feature
  image = _decode(features['image/encoded'].bytes_list.value[0], 'RGB')
  height, width = image.shape[:2]
  edges = [
    np.array(features[f'image/object/bbox/{edge}'].float_list.value, np.float32)
    * size
    for edge, size in (
      ('ymin', height),
      ('xmin', width),
      ('ymax', height),
      ('xmax', width),
    )
  ]
  boxes = np.stack(edges, axis=1)
  crowd = features['image/object/is_crowd'].int64_list.value
  encoded = features['image/object/mask'].bytes_list.value
  masks = None
  if encoded:
    masks = np.stack([(_decode(png, 'L') > 0) for png in encoded])
  return Example(
    str(number),
    image,
    boxes,
    np.array(features['image/object/class/label'].int64_list.value, np.int64),
    np.array(crowd if crowd else [0] * len(boxes), bool),
    None if masks is None else masks.astype(np.uint8),
  )


def _decode(encoded: bytes, mode: str) -> np.ndarray:
  return np.array(Image.open(io.BytesIO(encoded)).convert(mode))
