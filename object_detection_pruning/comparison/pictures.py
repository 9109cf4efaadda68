"""The same images with the detections of several models side by side."""

from typing import Dict, List, Sequence

import numpy as np
from PIL import Image, ImageDraw

from object_detection_pruning.inference import detector as detector_lib
from object_detection_pruning.inference import drawing, labels

_GAP = 8
_HEADING = 28


def side_by_side(
  detectors: Dict[str, detector_lib.Detector],
  images: Sequence[np.ndarray],
  class_names: Dict[int, str],
  min_score: float = 0.5,
  width: int = 320,
) -> Image.Image:
  """Draws a row for each image and a column for each model.

  Args:
    detectors: by the name that heads their column.
    images: uint8 [height, width, 3], RGB.
    class_names: from class id to name.
    min_score: detections that score less are not drawn.
    width: of each picture, in pixels.

  Returns:
    The picture.
  """
  rows = [
    [
      _picture(
        drawing.draw(image, detector.detect(image, min_score), class_names),
        width,
      )
      for detector in detectors.values()
    ]
    for image in images
  ]
  return _sheet(list(detectors), rows, width)


def _picture(drawn, width: int) -> Image.Image:
  picture = drawn if isinstance(drawn, Image.Image) else Image.fromarray(drawn)
  height = max(1, round(picture.height * width / picture.width))
  return picture.resize((width, height), Image.LANCZOS)


def _sheet(
  names: List[str], rows: List[List[Image.Image]], width: int
) -> Image.Image:
  height = _HEADING + sum(row[0].height + _GAP for row in rows)
  sheet = Image.new(
    'RGB', ((width + _GAP) * len(names) - _GAP, height), 'white'
  )
  pen = ImageDraw.Draw(sheet)
  for column, name in enumerate(names):
    pen.text((column * (width + _GAP), 5), name, 'black', labels.font_of(16))
  top = _HEADING
  for row in rows:
    for column, picture in enumerate(row):
      sheet.paste(picture, (column * (width + _GAP), top))
    top += row[0].height + _GAP
  return sheet
