"""Finds the images that a user names, and reads them."""

import glob
import os
from typing import Iterable, List

import numpy as np
from PIL import Image, ImageOps

from object_detection_pruning.common import errors

_ENDINGS = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


def find(places: Iterable[str]) -> List[str]:
  """Lists image files.

  Args:
    places: files, folders (the images right in them) and patterns as the
      shell has them.

  Returns:
    The paths, in the order of `places`, those of a folder or pattern sorted,
    none twice.

  Raises:
    errors.InputError: a place does not exist or has no image.
  """
  found = []
  for place in places:
    if os.path.isfile(place):
      found.append(place)
    elif os.path.isdir(place):
      found += _check(place, glob.glob(os.path.join(glob.escape(place), '*')))
    elif glob.has_magic(place):
      found += _check(place, glob.glob(place))
    else:
      raise errors.InputError(f'no such image, folder or pattern: {place}')
  if not found:
    raise errors.InputError('no image, folder or pattern is given')
  return list(dict.fromkeys(found))


def _check(place: str, paths: List[str]) -> List[str]:
  images = sorted(
    path
    for path in paths
    if path.lower().endswith(_ENDINGS) and os.path.isfile(path)
  )
  if not images:
    raise errors.InputError(
      f'no image in {place}: looked for names that end in {" ".join(_ENDINGS)}'
    )
  return images


def read(path: str) -> np.ndarray:
  """Reads an image, turned the way up that its camera noted.

  Args:
    path: any format that Pillow reads.

  Returns:
    uint8 [height, width, 3], RGB.

  Raises:
    errors.InputError: the file is missing or no image that can be read.
  """
  try:
    with Image.open(path) as image:
      return np.array(ImageOps.exif_transpose(image).convert('RGB'))
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
