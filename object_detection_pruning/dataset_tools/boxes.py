"""Bounding boxes in pixels: what is usable, and the clip to an image."""

import math
from typing import NamedTuple

from object_detection_pruning.dataset_tools import problems

# A side below this becomes 0 in normalised float32 coordinates, and the box
# coder then takes the logarithm of 0.
_MIN_SIDE = 1e-3

# Annotation tools round outwards; less than a pixel is not worth a word.
_ROUNDING = 1.0


class Box(NamedTuple):
  """A box in pixels; x grows to the right and y grows downwards."""

  ymin: float
  xmin: float
  ymax: float
  xmax: float

  @property
  def area(self) -> float:
    """Area in square pixels; 0 where a side is negative."""
    return max(self.ymax - self.ymin, 0) * max(self.xmax - self.xmin, 0)

  def __str__(self) -> str:
    return (
      f'xmin {self.xmin:g}, ymin {self.ymin:g}, '
      f'xmax {self.xmax:g}, ymax {self.ymax:g}'
    )


def clipped(box: Box, height: int, width: int) -> Box:
  """Cuts a box down to its image.

  Args:
    box: the box as annotated.
    height: of the image, in pixels.
    width: of the image, in pixels.

  Returns:
    The part of the box inside the image; it has an area.

  Raises:
    problems.BrokenRecord: if the box is not finite, has no area, or lies
      outside the image.
  """
  if not all(math.isfinite(side) for side in box):
    raise problems.BrokenRecord(f'box is not finite ({box})')
  if not _has_area(box):
    raise problems.BrokenRecord(f'box has no area ({box})')
  inside = Box(
    max(box.ymin, 0.0),
    max(box.xmin, 0.0),
    min(box.ymax, float(height)),
    min(box.xmax, float(width)),
  )
  if not _has_area(inside):
    raise problems.BrokenRecord(
      f'box lies outside the {width}x{height} image ({box})'
    )
  return inside


def sticks_out(box: Box, height: int, width: int) -> bool:
  """Whether a box leaves its image by more than rounding explains."""
  overhang = max(-box.ymin, -box.xmin, box.ymax - height, box.xmax - width)
  return overhang >= _ROUNDING


def _has_area(box: Box) -> bool:
  return min(box.ymax - box.ymin, box.xmax - box.xmin) >= _MIN_SIDE
