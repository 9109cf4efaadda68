"""Finds the images that a user names, and reads them."""

import glob
import os
from typing import Iterable, List, Tuple

import numpy as np
from PIL import Image

from object_detection_pruning.common import errors, pictures

ENDINGS = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


def find(named: Iterable[str]) -> List[str]:
  """Lists image files.

  Args:
    named: files, folders (the images right in them) and patterns as the
      shell has them.

  Returns:
    The paths, in the order of `named`, those of a folder or pattern sorted,
    none twice.

  Raises:
    errors.InputError: one of them does not exist or has no image.
  """
  found = []
  for path in named:
    if os.path.isfile(path):
      found.append(path)
    elif os.path.isdir(path):
      found += _check(path, glob.glob(os.path.join(glob.escape(path), '*')))
    elif glob.has_magic(path):
      found += _check(path, glob.glob(path))
    else:
      raise errors.InputError(f'no such image, folder or pattern: {path}')
  if not found:
    raise errors.InputError('no image, folder or pattern is given')
  return list(dict.fromkeys(found))


def _check(named: str, paths: List[str]) -> List[str]:
  images = sorted(
    path
    for path in paths
    if path.lower().endswith(ENDINGS) and os.path.isfile(path)
  )
  if not images:
    raise errors.InputError(
      f'no image in {named}: looked for names that end in {" ".join(ENDINGS)}'
    )
  return images


def read(path: str) -> np.ndarray:
  """Reads an image, after EXIF rotation.

  Args:
    path: any format that Pillow reads.

  Returns:
    uint8 [height, width, 3], RGB.

  Raises:
    errors.InputError: the file is missing or no image that can be read.
  """
  return read_picture(path)[0]


def read_picture(path: str) -> Tuple[np.ndarray, bool]:
  """Reads an image as `read` does, and tells whether it had to be turned."""
  try:
    with Image.open(path) as image:
      image.load()
      turned = pictures.is_turned(image)
      return np.array(pictures.to_rgb(image)), turned
  # Pillow's decoders raise anything at all on bytes that make no sense.
  except Exception as error:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    raise errors.InputError(f'{path} cannot be read as an image: {reason}')


def picture_names(paths: Iterable[str]) -> List[str]:
  """Names one JPEG picture for each image file, all different.

  Args:
    paths: image files; those in different folders may share a name.

  Returns:
    File names without folder, in the order of `paths`.
  """
  names = []
  taken = set()
  for path in paths:
    stem = os.path.splitext(os.path.basename(path))[0]
    name, number = f'{stem}.jpg', 2
    while name in taken:
      name, number = f'{stem}_{number}.jpg', number + 1
    taken.add(name)
    names.append(name)
  return names
