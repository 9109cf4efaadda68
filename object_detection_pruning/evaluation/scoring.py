"""COCO average precision of boxes, for the same images again and again."""

import contextlib
import io
from typing import Dict, List, NamedTuple, Sequence

import numpy as np
from pycocotools import coco, cocoeval

from object_detection_pruning.evaluation import eval_data

MAP, AP50, AP75 = 'mAP', 'AP50', 'AP75'


class Detections(NamedTuple):
  """What a detector finds in one image.

  Attributes:
    boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) in pixels.
    scores: float32 [n].
    class_ids: int [n], the first class is 1.
  """

  boxes: np.ndarray
  scores: np.ndarray
  class_ids: np.ndarray


class Scorer:
  """Scores detections as the stock COCO evaluation does, and only that.

  It indexes the ground truth once, and leaves out what the three figures do
  not need: sizes of objects, and fewer than a hundred detections.
  """

  def __init__(self, images: Sequence[eval_data.Image], num_classes: int):
    """Makes a scorer.

    Args:
      images: the images with their true boxes.
      num_classes: of the model; detections of others do not count.
    """
    self._keys = [image.key for image in images]
    self._num_classes = num_classes
    self._truth = coco.COCO()
    self._truth.dataset = {
      'images': [{'id': key} for key in self._keys],
      'categories': [
        {'id': number, 'name': str(number)}
        for number in range(1, num_classes + 1)
      ],
      'annotations': _annotations(images),
    }
    with contextlib.redirect_stdout(io.StringIO()):
      self._truth.createIndex()

  def score(self, found: Sequence[Detections]) -> Dict[str, float]:
    """Gives the average precisions, in [0, 1]; -1 where there is no object.

    Args:
      found: detections in each image, in the order of the images.
    """
    rows = np.concatenate(
      [self._rows(key, each) for key, each in zip(self._keys, found)]
    )
    if not len(rows):
      return dict.fromkeys((MAP, AP50, AP75), 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
      evaluation = cocoeval.COCOeval(
        self._truth, self._truth.loadRes(rows), 'bbox'
      )
      parameters = evaluation.params
      parameters.maxDets = parameters.maxDets[-1:]
      parameters.areaRng = parameters.areaRng[:1]
      parameters.areaRngLbl = parameters.areaRngLbl[:1]
      evaluation.evaluate()
      evaluation.accumulate()
    precision = evaluation.eval['precision']
    thresholds = parameters.iouThrs
    return {
      MAP: _mean(precision),
      AP50: _mean(precision[np.isclose(thresholds, 0.5)]),
      AP75: _mean(precision[np.isclose(thresholds, 0.75)]),
    }

  def _rows(self, key: int, found: Detections) -> np.ndarray:
    known = (found.class_ids >= 1) & (found.class_ids <= self._num_classes)
    boxes = found.boxes[known]
    result = np.zeros((len(boxes), 7))
    result[:, 0] = key
    result[:, 1:5] = _corner_and_size(boxes)
    result[:, 5] = found.scores[known]
    result[:, 6] = found.class_ids[known]
    return result


def _annotations(images: Sequence[eval_data.Image]) -> List[dict]:
  result: List[dict] = []
  for image in images:
    boxes = _corner_and_size(image.boxes).tolist()
    for box, class_id, crowd in zip(boxes, image.class_ids, image.is_crowd):
      result.append(
        {
          'id': len(result) + 1,
          'image_id': image.key,
          'category_id': int(class_id),
          'bbox': box,
          'area': box[2] * box[3],
          'iscrowd': int(crowd),
        }
      )
  return result


def _corner_and_size(boxes: np.ndarray) -> np.ndarray:
  return np.stack(
    [
      boxes[:, 1],
      boxes[:, 0],
      boxes[:, 3] - boxes[:, 1],
      boxes[:, 2] - boxes[:, 0],
    ],
    axis=1,
  )


def _mean(precision: np.ndarray) -> float:
  defined = precision[precision > -1]
  return float(defined.mean()) if len(defined) else -1.0
