import contextlib
import io

import numpy as np
import pytest
from object_detection.metrics import coco_evaluation

from object_detection_pruning.evaluation import eval_data, scoring

CLASSES = 3


def _boxes(random, count):
  corner = random.uniform(0, 60, (count, 2))
  return np.hstack([corner, corner + random.uniform(5, 40, (count, 2))])


def _image(random, key, objects, crowds=0):
  classes = np.eye(CLASSES, dtype=np.float32)[random.randint(0, 3, objects)]
  # Two more rows, as the stock input function pads.
  padded = np.zeros((objects + 2, CLASSES), np.float32)
  padded[:objects] = classes
  boxes = np.zeros((objects + 2, 4), np.float32)
  boxes[:objects] = _boxes(random, objects) / 100
  return eval_data.Image(
    key,
    {'original_image_spatial_shape': np.array([[100, 100]], np.int32)},
    {
      'num_groundtruth_boxes': np.array([objects], np.int32),
      'groundtruth_boxes': boxes[None],
      'groundtruth_classes': padded[None],
      'groundtruth_is_crowd': np.arange(objects + 2)[None] < crowds,
    },
  )


def _found(random, image):
  """Finds the true boxes nearly, among others."""
  near = image.boxes + random.normal(0, 3, image.boxes.shape)
  boxes = np.vstack([near, _boxes(random, 6)]).astype(np.float32)
  classes = np.append(image.class_ids, random.randint(1, CLASSES + 1, 6))
  # Scores that are equal: their order must be that of the stock evaluation.
  scores = random.randint(1, 6, len(boxes)).astype(np.float32) / 6
  return scoring.Detections(boxes, scores, classes)


def _stock(images, found):
  evaluator = coco_evaluation.CocoDetectionEvaluator(
    [{'id': n, 'name': str(n)} for n in range(1, CLASSES + 1)]
  )
  for image, each in zip(images, found):
    evaluator.add_single_ground_truth_image_info(
      image.key,
      {
        'groundtruth_boxes': image.boxes,
        'groundtruth_classes': image.class_ids,
        'groundtruth_is_crowd': image.is_crowd,
      },
    )
    evaluator.add_single_detected_image_info(
      image.key,
      {
        'detection_boxes': each.boxes,
        'detection_scores': each.scores,
        'detection_classes': each.class_ids,
      },
    )
  with contextlib.redirect_stdout(io.StringIO()):
    metrics = evaluator.evaluate()
  return {
    'mAP': metrics['DetectionBoxes_Precision/mAP'],
    'AP50': metrics['DetectionBoxes_Precision/mAP@.50IOU'],
    'AP75': metrics['DetectionBoxes_Precision/mAP@.75IOU'],
  }


@pytest.mark.parametrize('crowds', [0, 1])
def test_scores_are_those_of_the_stock_evaluation(crowds):
  random = np.random.RandomState(crowds)
  images = [_image(random, key, 4, crowds) for key in (31, 7, 19)]
  images.append(_image(random, 2, 0))
  found = [_found(random, image) for image in images]
  scorer = scoring.Scorer(images, CLASSES)
  expected = _stock(images, found)
  assert 0.05 < expected['mAP'] < 0.95
  assert scorer.score(found) == expected
  # A second set of detections meets no trace of the first.
  assert scorer.score(found[::-1]) == _stock(images, found[::-1])


def test_nothing_found_scores_zero():
  images = [_image(np.random.RandomState(0), 1, 3)]
  empty = scoring.Detections(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int)
  )
  assert scoring.Scorer(images, CLASSES).score([empty])['AP50'] == 0
