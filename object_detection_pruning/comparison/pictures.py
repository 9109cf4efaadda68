"""The same images with the detections of several models side by side."""

from typing import Dict, List, Sequence

import numpy as np
from PIL import Image, ImageDraw

from object_detection_pruning.evaluation import example_decoder
from object_detection_pruning.inference import detections, drawing, labels
from object_detection_pruning.inference import detector as detector_lib

_GAP = 8
_HEADING = 28


def draw(
  detectors: Sequence[detector_lib.Detector],
  samples: Sequence[example_decoder.Example],
  class_names: Dict[int, str],
  min_score: float,
  width: int = 320,
) -> List[List[Image.Image]]:
  """Draws the objects of each image, and what each model finds in it.

  Args:
    detectors: the models.
    samples: images and the objects in them.
    class_names: from class id to name.
    min_score: detections that score less are not drawn.
    width: of each picture, in pixels.

  Returns:
    For each image a picture of its objects, then one of each model.
  """
  rows = []
  for sample in samples:
    image = sample.image
    found = [detector.detect(image, min_score) for detector in detectors]
    truth = _truth(sample)
    if all(each.masks is None for each in found):
      truth = truth._replace(masks=None)
    drawn = [drawing.draw(image, truth, class_names, scores=False)]
    drawn += [drawing.draw(image, each, class_names) for each in found]
    rows.append([resized(picture, width) for picture in drawn])
  return rows


def _truth(sample: example_decoder.Example) -> detections.Detections:
  """The objects of an image, as if a perfect detector had found them."""
  masks = None if sample.masks is None else sample.masks.astype(bool)
  scores = np.ones(len(sample.boxes), np.float32)
  return detections.Detections(sample.boxes, sample.class_ids, scores, masks)


def sheet(names: List[str], rows: List[List[Image.Image]]) -> Image.Image:
  """Puts pictures as `draw` gives them in one, below the names of columns."""
  width = rows[0][0].width
  height = _HEADING + sum(row[0].height + _GAP for row in rows)
  whole = Image.new(
    'RGB', ((width + _GAP) * len(names) - _GAP, height), 'white'
  )
  pen, font = ImageDraw.Draw(whole), labels.font_of(16)
  for column, name in enumerate(names):
    text = labels.shortened(name, font, width)
    pen.text((column * (width + _GAP), 5), text, 'black', font)
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
