"""COCO average precision, for the same images again and again."""

import contextlib
import io
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

import numpy as np
from pycocotools import coco, cocoeval, mask

from object_detection_pruning.inference import detections

MAP, AP50, AP75 = 'mAP', 'AP50', 'AP75'
# What of an object is compared, in pycocotools' words.
BOXES, MASKS = 'bbox', 'segm'


class GroundTruth(NamedTuple):
  """The objects of one image.

  Attributes:
    image_id: of the image; the order of ids decides between detections of
      equal score.
    boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) in pixels.
    class_ids: int [n], the first class is 1.
    is_crowd: bool [n].
    masks: from `run_lengths`; None where boxes are scored.
  """

  image_id: Union[int, str]
  boxes: np.ndarray
  class_ids: np.ndarray
  is_crowd: np.ndarray
  masks: Optional[List[dict]] = None


def run_lengths(masks: np.ndarray) -> List[dict]:
  """Compresses instance masks, uint8 [n, height, width] of 0 and 1."""
  return [mask.encode(np.asfortranarray(each, np.uint8)) for each in masks]


class Scorer:
  """Scores detections as the stock COCO evaluation does, and only that.

  It indexes the ground truth once, and leaves out what the three figures do
  not need: sizes of objects, and fewer than a hundred detections.
  """

  def __init__(
    self,
    truths: Sequence[GroundTruth],
    num_classes: int,
    compared: str = BOXES,
  ):
    """Makes a scorer.

    Args:
      truths: the objects of each image.
      num_classes: of the model; detections of others do not count.
      compared: `BOXES`, or `MASKS`, which all images must have then.
    """
    self._image_ids = [truth.image_id for truth in truths]
    self._num_classes = num_classes
    self._compared = compared
    self._truth = coco.COCO()
    self._truth.dataset = {
      # Run lengths tell sizes of their own, but pycocotools asks for these.
      'images': [
        {'id': image_id, 'height': 0, 'width': 0}
        for image_id in self._image_ids
      ],
      'categories': [
        {'id': number, 'name': str(number)}
        for number in range(1, num_classes + 1)
      ],
      'annotations': self._annotations(truths),
    }
    with contextlib.redirect_stdout(io.StringIO()):
      self._truth.createIndex()

  def score(self, found: Sequence[detections.Detections]) -> Dict[str, float]:
    """Gives the average precisions, in [0, 1]; -1 where there is no object.

    Args:
      found: those of each image, in the order of the images; where masks are
        compared, `run_lengths` of them.
    """
    results: List[Dict[str, Any]] = []
    for image_id, each in zip(self._image_ids, found):
      results += self._results(image_id, each)
    if not results:
      score = 0.0 if self._truth.dataset['annotations'] else -1.0
      return dict.fromkeys((MAP, AP50, AP75), score)
    with contextlib.redirect_stdout(io.StringIO()):
      evaluation = cocoeval.COCOeval(
        self._truth, self._truth.loadRes(results), self._compared
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

  def _annotations(self, truths: Sequence[GroundTruth]) -> List[dict]:
    result: List[dict] = []
    for truth in truths:
      crowds = np.asarray(truth.is_crowd).tolist()
      for annotation, crowd in zip(self._objects(truth), crowds):
        annotation.update(id=len(result) + 1, iscrowd=int(crowd))
        annotation['image_id'] = truth.image_id
        result.append(annotation)
    return result

  def _results(self, image_id: Any, found: detections.Detections) -> List[dict]:
    return [
      dict(each, image_id=image_id, score=score)
      for each, score in zip(
        self._objects(found), np.asarray(found.scores).tolist()
      )
      if 1 <= each['category_id'] <= self._num_classes
    ]

  def _objects(
    self, image: Union[GroundTruth, detections.Detections]
  ) -> List[dict]:
    """Gives class and location of each object, as pycocotools has them."""
    boxes = _corner_and_size(np.asarray(image.boxes)).tolist()
    class_ids = np.asarray(image.class_ids).astype(int).tolist()
    result = [
      {'category_id': class_id, 'bbox': box, 'area': box[2] * box[3]}
      for class_id, box in zip(class_ids, boxes)
    ]
    if self._compared == MASKS:
      for each, run_length in zip(result, image.masks):
        each['segmentation'] = run_length
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
