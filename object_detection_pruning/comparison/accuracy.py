"""COCO metrics of an exported detector on an evaluation record."""

import contextlib
import io
from typing import Dict, List, NamedTuple, Optional

import numpy as np
from object_detection.core import standard_fields
from object_detection.metrics import coco_evaluation
from object_detection.utils import label_map_util

from object_detection_pruning.comparison import examples
from object_detection_pruning.core import errors, progress
from object_detection_pruning.inference import detector as detector_lib

_Truth = standard_fields.InputDataFields
_Result = standard_fields.DetectionResultFields


class Accuracy(NamedTuple):
  """COCO average precision, in [0, 1]; -1 where it is not defined.

  Attributes:
    ap: over IoU 0.50 to 0.95, boxes.
    ap50: at IoU 0.50, boxes.
    mask_ap: over IoU 0.50 to 0.95, instance masks; None without masks.
    mask_ap50: at IoU 0.50, instance masks; None without masks.
    num_images: evaluated images.
  """

  ap: float
  ap50: float
  mask_ap: Optional[float]
  mask_ap50: Optional[float]
  num_images: int


def evaluate(
  detector: detector_lib.Detector,
  record: str,
  label_map: str,
  title: str = 'evaluate',
  limit: Optional[int] = None,
) -> Accuracy:
  """Runs a detector over a record and scores what it finds.

  Args:
    detector: a loaded detector.
    record: path of a TFRecord file.
    label_map: path of its label map.
    title: of the progress bar.
    limit: how many images to use; None for all.

  Raises:
    InputError: the record cannot be used, or holds classes that are not in the
      label map.
  """
  categories = _categories(label_map)
  known = {category['id'] for category in categories}
  boxes = coco_evaluation.CocoDetectionEvaluator(categories)
  masks = coco_evaluation.CocoMaskEvaluator(categories)
  has_masks = False
  count = 0
  for example in progress.over(
    examples.read(record, limit), title, total=examples.count(record, limit)
  ):
    foreign = set(example.class_ids.tolist()) - known
    if foreign:
      raise errors.InputError(
        f'{record} holds class {min(foreign)}, and {label_map} has only '
        f'{", ".join(str(known_id) for known_id in sorted(known))}'
      )
    found = detector.detect(example.image)
    _add(boxes, example, found)
    if example.masks is not None and found.masks is not None:
      has_masks = True
      _add_masks(masks, example, found)
    count += 1
  with contextlib.redirect_stdout(io.StringIO()):
    metrics = boxes.evaluate()
    mask_metrics = masks.evaluate() if has_masks else {}
  return Accuracy(
    float(metrics['DetectionBoxes_Precision/mAP']),
    float(metrics['DetectionBoxes_Precision/mAP@.50IOU']),
    _value(mask_metrics, 'DetectionMasks_Precision/mAP'),
    _value(mask_metrics, 'DetectionMasks_Precision/mAP@.50IOU'),
    count,
  )


def _value(metrics: Dict[str, float], name: str) -> Optional[float]:
  return float(metrics[name]) if name in metrics else None


def _categories(label_map: str) -> List[dict]:
  index = label_map_util.create_category_index_from_labelmap(label_map)
  return list(index.values())


def _add(evaluator, example: examples.Example, found) -> None:
  evaluator.add_single_ground_truth_image_info(
    example.name,
    {
      _Truth.groundtruth_boxes: example.boxes,
      _Truth.groundtruth_classes: example.class_ids,
      _Truth.groundtruth_is_crowd: example.is_crowd,
    },
  )
  evaluator.add_single_detected_image_info(
    example.name,
    {
      _Result.detection_boxes: found.boxes,
      _Result.detection_scores: found.scores,
      _Result.detection_classes: found.class_ids,
    },
  )


def _add_masks(evaluator, example: examples.Example, found) -> None:
  evaluator.add_single_ground_truth_image_info(
    example.name,
    {
      _Truth.groundtruth_boxes: example.boxes,
      _Truth.groundtruth_classes: example.class_ids,
      _Truth.groundtruth_is_crowd: example.is_crowd,
      _Truth.groundtruth_instance_masks: example.masks,
    },
  )
  evaluator.add_single_detected_image_info(
    example.name,
    {
      _Result.detection_scores: found.scores,
      _Result.detection_classes: found.class_ids,
      _Result.detection_masks: found.masks.astype(np.uint8),
    },
  )
