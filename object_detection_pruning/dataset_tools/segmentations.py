"""COCO segmentations to masks: polygons and run lengths.

Run lengths are decoded here rather than by pycocotools, whose decoder leaves
the pixels behind the last run uninitialised when the runs are too short.
"""

from typing import Any, List, Sequence, Union

import numpy as np
from pycocotools import mask as coco_mask

from object_detection_pruning.dataset_tools import problems

# COCO's compressed run lengths: five bits a character, from this one on.
_FIRST_CHARACTER = 48


def to_mask(segmentation: Any, height: int, width: int) -> np.ndarray:
  """Draws the segmentation of one object.

  Args:
    segmentation: the JSON value: a list of polygons, or run lengths
      {'size': [height, width], 'counts': a list or a compressed string}.
    height: of the image, in pixels.
    width: of the image, in pixels.

  Returns:
    A bool array of shape [height, width] with at least one pixel set.

  Raises:
    problems.BrokenRecord: if there is no segmentation, it is malformed, or
      it is empty.
  """
  if not segmentation:
    raise problems.BrokenRecord('no segmentation')
  if isinstance(segmentation, dict):
    mask = _from_runs(segmentation, height, width)
  elif isinstance(segmentation, list):
    mask = _from_polygons(segmentation, height, width)
  else:
    raise problems.BrokenRecord(
      'segmentation is neither a list of polygons nor run lengths'
    )
  if not mask.any():
    raise problems.BrokenRecord('mask has no pixel')
  return mask


def _from_runs(segmentation: dict, height: int, width: int) -> np.ndarray:
  size = segmentation.get('size')
  if size != [height, width]:
    raise problems.BrokenRecord(
      f'mask is of size {size}, the image is [{height}, {width}]'
    )
  counts = segmentation.get('counts')
  if isinstance(counts, (str, bytes)):
    counts = _expand(counts)
  if not isinstance(counts, list) or not all(
    isinstance(count, int) and count >= 0 for count in counts
  ):
    raise problems.BrokenRecord('run lengths are malformed')
  if sum(counts) != height * width:
    raise problems.BrokenRecord(
      f'run lengths sum to {sum(counts)}, not to {height * width} pixels'
    )
  # Runs go down the columns and begin with background.
  pixels = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
  return pixels.reshape(width, height).T


def _expand(compressed: Union[str, bytes]) -> List[int]:
  """Decodes COCO's run-length string.

  Each number is a little-endian sequence of five-bit groups, the sixth bit
  of a character says that more follow, and the top bit of the last group is
  the sign. From the fourth number on they are differences to the number two
  before it.
  """
  if isinstance(compressed, str):
    compressed = compressed.encode('utf-8')
  counts = []
  value, shift = 0, 0
  for character in compressed:
    group = character - _FIRST_CHARACTER
    if not 0 <= group < 64:
      raise problems.BrokenRecord('run lengths are malformed')
    value |= (group & 31) << shift
    shift += 5
    if group & 32:
      continue
    if group & 16:
      value -= 1 << shift
    counts.append(value + counts[-2] if len(counts) > 2 else value)
    value, shift = 0, 0
  if shift:
    raise problems.BrokenRecord('run lengths are cut off')
  return counts


def _from_polygons(
  polygons: Sequence[Any], height: int, width: int
) -> np.ndarray:
  reach = 2 * max(height, width)
  corners = []
  for polygon in polygons:
    try:
      values = np.asarray(polygon, dtype=float)
    except (TypeError, ValueError):
      raise problems.BrokenRecord('polygon is no list of numbers')
    if values.ndim != 1 or values.size % 2:
      raise problems.BrokenRecord('polygon is no list of x, y pairs')
    # pycocotools takes memory by the length of the outline.
    if not (np.abs(values) <= reach).all():
      raise problems.BrokenRecord('polygon lies far outside the image')
    # pycocotools would take four numbers for a box.
    if values.size >= 6:
      corners.append(values.tolist())
  if not corners:
    raise problems.BrokenRecord('no polygon has three corners')
  runs = coco_mask.merge(coco_mask.frPyObjects(corners, height, width))
  return coco_mask.decode(runs).astype(bool)
