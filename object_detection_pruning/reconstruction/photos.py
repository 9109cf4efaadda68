"""Unlabelled pictures for calibration: files, records, or made up ones."""

import itertools
import os
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from object_detection_pruning.common import errors, pictures
from object_detection_pruning.dataset_tools import record_reader, shapes
from object_detection_pruning.inference import image_files
from object_detection_pruning.reconstruction import photo_size

_ENCODED = 'image/encoded'


class Photos(NamedTuple):
  """Pictures in memory.

  Attributes:
    images: uint8 [height, width, 3] each.
    skipped: files or examples that are no pictures.
    generated: whether they were made up.
    views: how many images in turn show the same.
  """

  images: List[np.ndarray]
  skipped: int = 0
  generated: bool = False
  views: int = 1


def read(
  paths: Sequence[str],
  limit: int,
  size: photo_size.PhotoSize = photo_size.USUAL,
) -> Photos:
  """Reads pictures from image files, folders and records.

  Args:
    paths: image files, folders, with all folders in them, TFRecord files of the
      Object Detection API, and patterns of files.
    limit: most pictures. They are taken evenly from all image files, then from
      the start of the records.
    size: what the detector looks at; larger pictures are scaled down.

  Raises:
    InputError: there is no such folder or file, it is damaged, or there is no
      picture.
  """
  files, records = [], []
  for path in paths:
    if os.path.isdir(path):
      files += _in_folder(path)
      continue
    for each in record_reader.find([path], 'image, folder or record file'):
      (files if _is_image(each) else records).append(each)
  images, skipped, turned = [], 0, 0
  for content, upright in itertools.chain(
    # What is in a record is as training sees it, whatever its EXIF data say.
    ((each, True) for each in _evenly(files, limit)),
    ((each, False) for each in _encoded(records)),
  ):
    image, is_turned = _decode(content, upright, size)
    turned += is_turned
    if image is None:
      skipped += 1
    else:
      images.append(image)
      if len(images) == limit:
        break
  if not images:
    raise errors.InputError(
      f'no picture in {", ".join(paths)}: none of the {skipped} files or '
      'examples is one'
    )
  pictures.say_turned(turned)
  return Photos(images, skipped)


def generated(count: int, size: int = 512, seed: int = 0) -> Photos:
  """Draws pictures of shapes with textures, for where there are no photos."""
  return Photos(
    [shapes.generate(seed, number, size).image for number in range(count)],
    generated=True,
  )


def with_mirror_images(photos: Photos) -> Photos:
  """Adds the mirror image of each picture, left for right, behind it.

  The deepest layers have few positions on a picture, and so get twice as many.
  """
  both = [each for image in photos.images for each in (image, image[:, ::-1])]
  return photos._replace(images=both, views=2 * photos.views)


def _in_folder(folder: str) -> List[str]:
  paths = sorted(
    os.path.join(parent, name)
    for parent, _, names in os.walk(folder, followlinks=True)
    for name in names
    if not name.startswith('.')
  )
  if not paths:
    raise errors.InputError(f'the folder {folder} is empty: put photos there')
  return paths


def _is_image(path: str) -> bool:
  """Tells an image file, damaged ones included, from a record."""
  if path.lower().endswith(image_files.ENDINGS):
    return True
  try:
    with Image.open(path):
      return True
  except Exception:  # Pillow raises anything on what is no picture.
    return False


def _evenly(paths: Sequence[str], limit: int) -> Iterator[bytes]:
  # Neighbours in a folder are often of one scene; what is left over comes last
  # and stands in for files that are no pictures.
  step = max(1, len(paths) // limit)
  for path in [p for start in range(step) for p in paths[start::step]]:
    with open(path, 'rb') as file:
      yield file.read()


def _encoded(records: Sequence[str]) -> Iterator[bytes]:
  for record in record_reader.read(records):
    feature = record.parse().features.feature
    yield b''.join(feature[_ENCODED].bytes_list.value[:1])


def _decode(
  content: bytes, upright: bool, size: photo_size.PhotoSize
) -> Tuple[Optional[np.ndarray], bool]:
  """A picture, None for what is none, and whether it was turned."""
  try:
    image = pictures.open_encoded(content)
    turned = upright and pictures.is_turned(image)
    image = pictures.to_rgb(image, upright)
    side = size.longer_side(*image.size)
    image.thumbnail((side, side), Image.BILINEAR)
    return np.array(image), turned
  except Exception:  # Pillow's decoders raise anything on what is no picture.
    return None, False
