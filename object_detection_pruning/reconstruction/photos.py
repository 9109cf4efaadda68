"""Unlabelled pictures for calibration: files, records, or made up ones."""

import io
import os
from typing import Iterator, List, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import record_reader, shapes

# No detector of the Object Detection API looks at more pixels by default.
_LONGEST_SIDE = 1024
_ENCODED = 'image/encoded'


class Photos(NamedTuple):
  """Pictures in memory.

  Attributes:
    images: uint8 [height, width, 3] each.
    skipped: files or examples that are no pictures.
    generated: whether they were made up.
  """

  images: List[np.ndarray]
  skipped: int = 0
  generated: bool = False


def read(path: str, limit: int) -> Photos:
  """Reads pictures from a folder, with all folders in it, or from a record.

  Args:
    path: a folder, or a TFRecord file or pattern of the Object Detection API.
    limit: most pictures; taken evenly from all that there are in a folder, the
      first ones of a record.

  Raises:
    InputError: there is no such folder or file, it is damaged, or it has no
      picture.
  """
  if os.path.isdir(path):
    encoded = _files(path, limit)
  else:
    encoded = _records(path)
  images, skipped = [], 0
  for content in encoded:
    image = _decode(content)
    if image is None:
      skipped += 1
    else:
      images.append(image)
      if len(images) == limit:
        break
  if not images:
    raise errors.InputError(
      f'no picture in {path}: none of its {skipped} files or examples is one'
    )
  return Photos(images, skipped)


def generated(count: int, size: int = 512, seed: int = 0) -> Photos:
  """Draws pictures of shapes with textures, for where there are no photos."""
  return Photos(
    [shapes.generate(seed, number, size).image for number in range(count)],
    generated=True,
  )


def _files(folder: str, limit: int) -> Iterator[bytes]:
  paths = sorted(
    os.path.join(parent, name)
    for parent, _, names in os.walk(folder, followlinks=True)
    for name in names
    if not name.startswith('.')
  )
  if not paths:
    raise errors.InputError(f'the folder {folder} is empty: put photos there')
  # Neighbours in a folder are often of one scene; what is left over comes last
  # and takes the place of files that are no pictures.
  step = max(1, len(paths) // limit)
  for path in [p for start in range(step) for p in paths[start::step]]:
    with open(path, 'rb') as file:
      yield file.read()


def _records(pattern: str) -> Iterator[bytes]:
  paths = record_reader.find([pattern], 'folder of photos or record file')
  for record in record_reader.read(paths):
    feature = record.parse().features.feature
    yield b''.join(feature[_ENCODED].bytes_list.value[:1])


def _decode(content: bytes):
  try:
    with Image.open(io.BytesIO(content)) as image:
      image = ImageOps.exif_transpose(image).convert('RGB')
      image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.BILINEAR)
      return np.array(image)
  except Exception:  # Pillow's decoders raise anything on what is no picture.
    return None
