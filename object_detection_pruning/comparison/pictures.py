"""The same images with the detections of several models side by side."""

from typing import Dict, List, Sequence

import numpy as np
from PIL import Image, ImageDraw

from object_detection_pruning.inference import detector as detector_lib
from object_detection_pruning.inference import drawing, labels

_GAP = 8
_HEADING = 28


def draw(
  detectors: Sequence[detector_lib.Detector],
  images: Sequence[np.ndarray],
  class_names: Dict[int, str],
  min_score: float,
  width: int = 320,
) -> List[List[Image.Image]]:
  """Draws what each model finds in each image.

  Args:
    detectors: the models.
    images: uint8 [height, width, 3], RGB.
    class_names: from class id to name.
    min_score: detections that score less are not drawn.
    width: of each picture, in pixels.

  Returns:
    For each image a picture of each model.
  """
  return [
    [
      resized(
        drawing.draw(image, detector.detect(image, min_score), class_names),
        width,
      )
      for detector in detectors
    ]
    for image in images
  ]


def sheet(names: List[str], rows: List[List[Image.Image]]) -> Image.Image:
  """Puts pictures as `draw` gives them in one, a column for each model."""
  width = rows[0][0].width
  height = _HEADING + sum(row[0].height + _GAP for row in rows)
  whole = Image.new(
    'RGB', ((width + _GAP) * len(names) - _GAP, height), 'white'
  )
  pen = ImageDraw.Draw(whole)
  for column, name in enumerate(names):
    pen.text((column * (width + _GAP), 5), name, 'black', labels.font_of(16))
  top = _HEADING
  for row in rows:
    for column, picture in enumerate(row):
      whole.paste(picture, (column * (width + _GAP), top))
    top += row[0].height + _GAP
  return whole


def resized(drawn: np.ndarray, width: int) -> Image.Image:
  """Makes a picture of that width of what `drawing.draw` gives."""
  picture = Image.fromarray(drawn)
  height = max(1, round(picture.height * width / picture.width))
  return picture.resize((width, height), Image.LANCZOS)
