"""COCO metrics of an exported detector on an evaluation set."""

import contextlib
import io
from typing import Dict, NamedTuple, Optional

import numpy as np
from object_detection.core import standard_fields
from object_detection.metrics import coco_evaluation

from object_detection_pruning.common import progress
from object_detection_pruning.evaluation import eval_set as eval_sets
from object_detection_pruning.evaluation import examples
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
  eval_set: eval_sets.EvalSet,
  title: str = 'evaluate',
) -> Accuracy:
  """Runs a detector over an evaluation set and scores what it finds.

  Args:
    detector: a loaded detector.
    eval_set: what to run it on.
    title: of the model.

  Raises:
    InputError: an image does not decode, or the detector finds classes that
      the label map does not reach.
  """
  categories = [
    {'id': class_id, 'name': name}
    for class_id, name in eval_set.class_names.items()
  ]
  boxes = coco_evaluation.CocoDetectionEvaluator(categories)
  masks = coco_evaluation.CocoMaskEvaluator(categories)
  has_masks = False
  count = 0
  for example in progress.over(eval_set.read(), title, total=eval_set.size):
    found = detector.detect(example.image)
    eval_set.check_found(found.class_ids.tolist(), title)
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
