"""Pictures of every kind as 8-bit RGB: one reader for all commands."""

import io
import sys
from typing import Any, Callable, Dict

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

_ORIENTATION = 274
_UPRIGHT = 1
# TIFF tags: bits of a sample, and whether 0 is black.
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


def open_encoded(encoded: bytes) -> Image.Image:
  """Opens and decodes a file's bytes; Pillow raises anything on broken ones."""
  image = Image.open(io.BytesIO(encoded))
  image.load()
  return image


def is_turned(image: Image.Image) -> bool:
  """Tells whether a camera noted that a picture is not stored upright."""
  return image.getexif().get(_ORIENTATION, _UPRIGHT) in range(2, 9)


def to_rgb(image: Image.Image, upright: bool = True) -> Image.Image:
  """Gives a picture as 8-bit RGB.

  Grey of 16 bits is scaled, as TensorFlow's decoder does it: Pillow cuts it
  off at 255. What is transparent keeps its colour.

  Args:
    image: of any mode.
    upright: whether to turn it as its camera noted. The decoder of training
      data does not, so neither must what is compared with that.

  Raises:
    ValueError: its values have no range that is known.
  """
  # What is turned forgets where it came from. There is no PNG of 32 bits.
  is_png = image.format == 'PNG'
  tags = getattr(image, 'tag_v2', {})
  if upright:
    # Of old versions it is None where there is nothing to turn.
    image = ImageOps.exif_transpose(image) or image
  if image.mode == 'F' or (image.mode == 'I' and not is_png):
    # Nobody can tell which value is white.
    raise ValueError('grey of 32 bits: save it with 8 or 16 bits')
  if image.mode.startswith('I'):
    return _from_16_bits(image, tags).convert('RGB')
  return image.convert('RGB')


def say_turned(count: int, tell: Callable[[str], None] = None) -> None:
  """Says how many pictures were turned, if there are any.

  Args:
    count: of pictures.
    tell: called with the line; by default it goes to stderr.
  """
  if count:
    what = '1 picture was' if count == 1 else f'{count} pictures were'
    (tell or _to_stderr)(f'{what} turned upright, as EXIF data ask for')


def _to_stderr(line: str) -> None:
  tqdm.write(line, file=sys.stderr)


def _from_16_bits(image: Image.Image, tags: Dict[int, Any]) -> Image.Image:
  bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
  values = np.asarray(image).astype(np.int64) >> (bits - 8)
  if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
    values = 255 - values
  return Image.fromarray(values.astype(np.uint8))
