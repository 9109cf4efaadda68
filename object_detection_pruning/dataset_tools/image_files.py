"""Image files, checked, as the bytes that TensorFlow will decode."""

import io
import os
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError

from object_detection_pruning.common import pictures
from object_detection_pruning.dataset_tools import problems

# MPO is a JPEG with more pictures behind the first one.
_DECODED_BY_TENSORFLOW = {'JPEG': 'jpeg', 'MPO': 'jpeg', 'PNG': 'png'}


class ImageFile(NamedTuple):
  """An image that decodes.

  Attributes:
    encoded: the bytes of a JPEG or PNG file.
    format: 'jpeg' or 'png'.
    height: in pixels.
    width: in pixels.
    turned: whether it was turned upright.
  """

  encoded: bytes
  format: str
  height: int
  width: int
  turned: bool = False


def read(path: str, width: Any = None, height: Any = None) -> ImageFile:
  """Reads an image and decodes it once, to be sure that it can be.

  JPEG and PNG are kept byte for byte. Every other format that Pillow reads
  is turned into PNG: the Object Detection API's decoder cannot take it.

  That decoder does not look at EXIF data either, so a picture whose camera
  noted that it is not upright is written anew, upright. Boxes that were drawn
  on the picture as it is stored need it so: the size that they were annotated
  at tells.

  Args:
    path: the file.
    width: of the picture that was annotated, None if that is not known.
    height: the same.

  Returns:
    The image.

  Raises:
    problems.BrokenRecord: if the file is missing or does not decode, or has
      another size than the boxes were drawn at.
  """
  name = os.path.basename(path)
  try:
    with open(path, 'rb') as file:
      encoded = file.read()
  except FileNotFoundError:
    raise problems.BrokenRecord(f'image file {name} is missing')
  except OSError as error:
    raise problems.BrokenRecord(
      f'image file {name} cannot be read ({error.strerror})'
    )
  try:
    image = pictures.open_encoded(encoded)
    image_format = _DECODED_BY_TENSORFLOW.get(image.format)
    turned = pictures.is_turned(image) and not _is_size(image, width, height)
    if turned or image_format is None:
      image = pictures.to_rgb(image, upright=turned)
      image_format = image_format or 'png'
      encoded = _ENCODERS[image_format](image)
  # Pillow's decoders raise anything at all on bytes that make no sense.
  except Exception as error:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, UnidentifiedImageError):
      reason = 'not an image'
    raise problems.BrokenRecord(f'image file {name} does not decode ({reason})')
  size = image.height, image.width
  file = ImageFile(encoded, image_format, *size, turned)
  check_size(width, height, file)
  return file


def check_size(width: Any, height: Any, file: ImageFile) -> None:
  """Refuses boxes that were drawn on an image of another size.

  Args:
    width: as it is annotated, a number or the text of one. Some tools leave the
      size out, or write 0 or -1 for it: nothing is checked then.
    height: the same.
    file: the image.

  Raises:
    problems.BrokenRecord: the image has another size, or a side is no number.
  """
  sides = []
  for name, side in (('width', width), ('height', height)):
    try:
      sides.append(float(side or 0))
    except (TypeError, ValueError):
      raise problems.BrokenRecord(f'the {name} {side!r} is no number')
  if all(side > 0 for side in sides) and sides != [file.width, file.height]:
    raise problems.BrokenRecord(
      f'annotated at {sides[0]:g}x{sides[1]:g}, but the image is '
      f'{file.width}x{file.height}'
    )


def png(image: Image.Image) -> bytes:
  """The image as a PNG file."""
  buffer = io.BytesIO()
  # Else what was read of EXIF data would be written again.
  image.save(buffer, format='PNG', exif=b'')
  return buffer.getvalue()


def _jpeg(image: Image.Image) -> bytes:
  buffer = io.BytesIO()
  image.save(buffer, format='JPEG', quality=95, subsampling=0)
  return buffer.getvalue()


_ENCODERS = {'png': png, 'jpeg': _jpeg}


def _is_size(image: Image.Image, width: Any, height: Any) -> bool:
  """Tells whether the sides differ, and are those that were annotated."""
  try:
    annotated = float(width or 0), float(height or 0)
  except (TypeError, ValueError):
    return False
  return image.width != image.height and annotated == image.size
