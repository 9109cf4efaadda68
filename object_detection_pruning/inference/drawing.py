"""Draws detections into an image: masks, boxes, names and scores."""

import colorsys
from typing import Dict, List, Tuple

import numpy as np
from PIL import Image, ImageDraw

from object_detection_pruning.inference import labels
from object_detection_pruning.inference import masks as masks_lib
from object_detection_pruning.inference.detections import Detections, name_of

_MASK_OPACITY = 0.4
_GOLDEN_RATIO = 0.618034
_READABLE_SIDE = 640
# A label may cover a part of a box that is larger than so many labels.
_LABELS_IN_A_LARGE_BOX = 4


def draw(
  image: np.ndarray,
  detections: Detections,
  class_names: Dict[int, str],
  scores: bool = True,
) -> np.ndarray:
  """Draws detections into a copy of an image.

  A small image is enlarged, since no label can be read beside objects of a few
  pixels. The surest detections lie on top. A label that has no room by its
  box without hiding another label or a small box is left out; the colour still
  tells the class.

  Args:
    image: uint8 [height, width, 3], RGB.
    detections: those of this image.
    class_names: from class id to name.
    scores: whether scores are written too.

  Returns:
    uint8 [k * height, k * width, 3]. k is 1 for images whose longer side has
    427 pixels or more, and otherwise what brings that side nearest to 640.
  """
  image, detections = _enlarge(image, detections)
  picture = image.copy()
  thickness = max(1, round(min(image.shape[:2]) / 200))
  colors = [color_of(class_id) for class_id in detections.class_ids.tolist()]
  surest_last = range(len(colors) - 1, -1, -1)
  if detections.masks is not None:
    for index in surest_last:
      _tint(picture, detections.masks[index], colors[index], thickness)
  canvas = Image.fromarray(picture)
  pen = ImageDraw.Draw(canvas)
  for index in surest_last:
    left, top, right, bottom = _rectangle(detections.boxes[index])
    # Pillow counts the last row and column in, and refuses an empty rectangle.
    corners = [left, top, max(left, right - 1), max(top, bottom - 1)]
    pen.rectangle(corners, outline=colors[index], width=thickness)
  texts = [name_of(each, class_names) for each in detections.class_ids.tolist()]
  if scores:
    texts = [
      f'{text} {score:.0%}' for text, score in zip(texts, detections.scores)
    ]
  _write_labels(pen, canvas.size, detections.boxes, texts, colors)
  return np.array(canvas)


def color_of(class_id: int) -> Tuple[int, int, int]:
  """A bright colour for a class; ids near each other differ much in hue."""
  hue = class_id * _GOLDEN_RATIO % 1.0
  saturation = (0.95, 0.7)[class_id % 2]
  red, green, blue = colorsys.hsv_to_rgb(hue, saturation, 1.0)
  return round(255 * red), round(255 * green), round(255 * blue)


def _enlarge(
  image: np.ndarray, detections: Detections
) -> Tuple[np.ndarray, Detections]:
  """Scales a small image and its detections by a whole number."""
  height, width = image.shape[:2]
  factor = max(1, round(_READABLE_SIDE / max(height, width)))
  if factor == 1:
    return image, detections
  size = (factor * width, factor * height)
  masks = detections.masks
  if masks is not None:
    masks = masks.repeat(factor, axis=1).repeat(factor, axis=2)
  return (
    np.array(Image.fromarray(image).resize(size, Image.BICUBIC)),
    detections._replace(boxes=detections.boxes * factor, masks=masks),
  )


def _tint(
  picture: np.ndarray,
  mask: np.ndarray,
  color: Tuple[int, int, int],
  thickness: int,
) -> None:
  """Tints the pixels of a mask in place and marks its edge."""
  tinted = (1 - _MASK_OPACITY) * picture[mask] + _MASK_OPACITY * np.array(color)
  picture[mask] = tinted.astype(np.uint8)
  picture[masks_lib.outline(mask, thickness)] = color


def _rectangle(box: np.ndarray) -> labels.Rectangle:
  top, left, bottom, right = np.rint(box).astype(int).tolist()
  return labels.Rectangle((left, top, right, bottom))


def _write_labels(
  pen: ImageDraw.ImageDraw,
  image_size: Tuple[int, int],
  corners: np.ndarray,
  texts: List[str],
  colors: List[Tuple[int, int, int]],
) -> None:
  """Labels the surest detections first, as long as there is room."""
  font = labels.font_of(max(11, round(min(image_size) / 32)))
  boxes = [_rectangle(box) for box in corners]
  written = []
  for box, text, color in zip(boxes, texts, colors):
    width, height = labels.size_of(text, font)
    small = [
      other
      for other in boxes
      if other.area < _LABELS_IN_A_LARGE_BOX * width * height
    ]
    where = labels.find_position(
      (width, height), box, image_size, written + small
    )
    if where is not None:
      written.append(where)
      labels.write(pen, text, where, color, font)
