"""Text labels beside boxes: where they go and how they look."""

import functools
import os
from typing import Optional, Sequence, Tuple

import matplotlib
from PIL import ImageDraw, ImageFont

_PADDING = 2

Rgb = Tuple[int, int, int]


class Rectangle(tuple):
  """(left, top, right, bottom) in pixels; right and bottom lie outside."""

  @property
  def area(self) -> int:
    return (self[2] - self[0]) * (self[3] - self[1])

  def overlaps(self, other: 'Rectangle') -> bool:
    return (
      self[0] < other[2]
      and other[0] < self[2]
      and self[1] < other[3]
      and other[1] < self[3]
    )


@functools.lru_cache(maxsize=None)
def font_of(size: int) -> ImageFont.FreeTypeFont:
  """A bold font that has the letters of most languages.

  Args:
    size: in pixels.

  Returns:
    The font. It comes with matplotlib, so it is there on every machine.
  """
  folder = os.path.join(matplotlib.get_data_path(), 'fonts', 'ttf')
  return ImageFont.truetype(os.path.join(folder, 'DejaVuSans-Bold.ttf'), size)


def size_of(text: str, font: ImageFont.FreeTypeFont) -> Tuple[int, int]:
  """Width and height of a label in pixels, the same height for every text."""
  ascent, descent = font.getmetrics()
  return (
    font.getbbox(text)[2] + 2 * _PADDING,
    ascent + descent + 2 * _PADDING,
  )


def shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
  """Cuts off the beginning of a text that is wider than so many pixels."""
  if font.getbbox(text)[2] <= width:
    return text
  for start in range(1, len(text)):
    end = '\N{HORIZONTAL ELLIPSIS}' + text[start:]
    if font.getbbox(end)[2] <= width:
      return end
  return ''


def find_position(
  size: Tuple[int, int],
  box: Rectangle,
  image_size: Tuple[int, int],
  taken: Sequence[Rectangle],
) -> Optional[Rectangle]:
  """Finds where a label goes: over its box, else in it, else under it.

  Args:
    size: width and height of the label.
    box: the one it belongs to.
    image_size: width and height of the image, which the label must not leave.
    taken: what the label must not cover.

  Returns:
    The position, or None where each one would cover something.
  """
  xmin, ymin, xmax, ymax = box
  width, height = size
  for left, top in [
    (xmin, ymin - height),
    (xmin, ymin),
    (xmin, ymax),
    (xmin, ymax - height),
    (xmax - width, ymin - height),
    (xmax - width, ymax),
  ]:
    left = max(0, min(left, image_size[0] - width))
    if not 0 <= top <= image_size[1] - height:
      continue
    found = Rectangle((left, top, left + width, top + height))
    if not any(found.overlaps(other) for other in taken):
      return found
  return None


def write(
  pen: ImageDraw.ImageDraw,
  text: str,
  where: Rectangle,
  color: Rgb,
  font: ImageFont.FreeTypeFont,
) -> None:
  """Writes a label on a ground of its colour, in black or white.

  Args:
    pen: draws into the picture.
    text: one line.
    where: as `find_position` found it.
    color: of the ground.
    font: of the text.
  """
  left, top, right, bottom = where
  pen.rectangle([left, top, right - 1, bottom - 1], fill=color)
  # How bright a colour looks (ITU-R BT.601) says which ink can be read on it.
  brightness = (299 * color[0] + 587 * color[1] + 114 * color[2]) / 1000
  ink = (0, 0, 0) if brightness > 127 else (255, 255, 255)
  pen.text((left + _PADDING, top + _PADDING), text, fill=ink, font=font)
