"""COCO metrics of an exported detector on an evaluation set."""

from typing import Dict, List, NamedTuple, Optional

import numpy as np

from object_detection_pruning.common import progress
from object_detection_pruning.evaluation import coco_metrics
from object_detection_pruning.evaluation import eval_set as eval_sets
from object_detection_pruning.inference import detections
from object_detection_pruning.inference import detector as detector_lib


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

  A crowd need not be found, and what lies in one is not wrong, for boxes and
  masks alike, as in COCO's own evaluation and that of newer stock. Stock of
  TensorFlow 1.14 takes a crowd's mask for that of one object.

  Args:
    detector: a loaded detector.
    eval_set: what to run it on.
    title: of the model.

  Raises:
    InputError: an image does not decode, or the detector finds classes that
      the label map does not reach.
  """
  num_classes = eval_set.largest_id
  truths: List[coco_metrics.GroundTruth] = []
  found: List[detections.Detections] = []
  for example in progress.over(eval_set.read(), title, total=eval_set.size):
    each = detector.detect(example.image)
    eval_set.check_found(each.class_ids.tolist(), title)
    truths.append(
      coco_metrics.GroundTruth(
        example.name,
        example.boxes,
        example.class_ids,
        example.is_crowd,
        _compressed(example.masks),
      )
    )
    found.append(each._replace(masks=_compressed(each.masks)))
  boxes = coco_metrics.Scorer(truths, num_classes).score(found)
  masks: Dict[str, float] = {}
  both = [
    pair
    for pair in zip(truths, found)
    if pair[0].masks is not None and pair[1].masks is not None
  ]
  # Images without objects miss no masks, so they tell nothing of the others.
  if any(truth.masks for truth, _ in both):
    masks = coco_metrics.Scorer(
      [truth for truth, _ in both], num_classes, coco_metrics.MASKS
    ).score([each for _, each in both])
  return Accuracy(
    boxes[coco_metrics.MAP],
    boxes[coco_metrics.AP50],
    masks.get(coco_metrics.MAP),
    masks.get(coco_metrics.AP50),
    len(truths),
  )


def _compressed(masks: Optional[np.ndarray]) -> Optional[List[dict]]:
  return None if masks is None else coco_metrics.run_lengths(masks)
