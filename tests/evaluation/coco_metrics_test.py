import contextlib
import inspect
import io

import numpy as np
import pytest
from object_detection.metrics import coco_evaluation

from object_detection_pruning.evaluation import coco_metrics, eval_inputs
from object_detection_pruning.inference import detections

CLASSES = 3


def _boxes(random, count):
  corner = random.uniform(0, 60, (count, 2))
  return np.hstack([corner, corner + random.uniform(5, 40, (count, 2))])


def _truth(random, key, objects, crowds=0):
  classes = np.eye(CLASSES, dtype=np.float32)[random.randint(0, 3, objects)]
  # Two more rows, as the stock input function pads.
  padded = np.zeros((objects + 2, CLASSES), np.float32)
  padded[:objects] = classes
  boxes = np.zeros((objects + 2, 4), np.float32)
  boxes[:objects] = _boxes(random, objects) / 100
  image = eval_inputs.Image(
    key,
    {'original_image_spatial_shape': np.array([[100, 100]], np.int32)},
    {
      'num_groundtruth_boxes': np.array([objects], np.int32),
      'groundtruth_classes': padded[None],
      'groundtruth_is_crowd': np.arange(objects + 2)[None] < crowds,
    },
    boxes[None],
  )
  return image.truth


def _found(random, image):
  """Finds the true boxes nearly, among others."""
  near = image.boxes + random.normal(0, 3, image.boxes.shape)
  boxes = np.vstack([near, _boxes(random, 6)]).astype(np.float32)
  classes = np.append(image.class_ids, random.randint(1, CLASSES + 1, 6))
  # Scores that are equal: their order must be that of the stock evaluation.
  scores = random.randint(1, 6, len(boxes)).astype(np.float32) / 6
  return detections.Detections(boxes, classes, scores, None)


def _stock(images, found):
  evaluator = coco_evaluation.CocoDetectionEvaluator(
    [{'id': n, 'name': str(n)} for n in range(1, CLASSES + 1)]
  )
  for image, each in zip(images, found):
    evaluator.add_single_ground_truth_image_info(
      image.image_id,
      {
        'groundtruth_boxes': image.boxes,
        'groundtruth_classes': image.class_ids,
        'groundtruth_is_crowd': image.is_crowd,
      },
    )
    evaluator.add_single_detected_image_info(
      image.image_id,
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
  images = [_truth(random, key, 4, crowds) for key in (31, 7, 19)]
  images.append(_truth(random, 2, 0))
  found = [_found(random, image) for image in images]
  scorer = coco_metrics.Scorer(images, CLASSES)
  expected = _stock(images, found)
  assert 0.05 < expected['mAP'] < 0.95
  assert scorer.score(found) == expected
  # A second set of detections meets no trace of the first.
  assert scorer.score(found[::-1]) == _stock(images, found[::-1])


def _nothing(found):
  return detections.Detections(*(each[:0] for each in found[:3]), None)


def test_nothing_found_scores_zero():
  random = np.random.RandomState(0)
  truths = [_truth(random, 1, 3)]
  nothing = _nothing(_found(random, truths[0]))
  assert coco_metrics.Scorer(truths, CLASSES).score([nothing])['AP50'] == 0


def test_without_objects_there_is_no_score():
  random = np.random.RandomState(0)
  truths = [_truth(random, 1, 0)]
  scorer = coco_metrics.Scorer(truths, CLASSES)
  found = _found(random, truths[0])
  none = {'mAP': -1, 'AP50': -1, 'AP75': -1}
  assert scorer.score([_nothing(found)]) == scorer.score([found]) == none


def _masks(boxes):
  """Fills the boxes, but for a corner."""
  result = np.zeros((len(boxes), 110, 110), np.uint8)
  for each, box in zip(result, boxes.astype(int)):
    top, left, bottom, right = np.maximum(box, 0)
    each[top:bottom, left:right] = 1
    each[top : (top + bottom) // 2, left : (left + 2 * right) // 3] = 0
  return result


# Older stock takes the mask of a crowd for that of an object.
_KNOWS_CROWDS = 'is_crowd' in inspect.getsource(
  coco_evaluation.CocoMaskEvaluator.add_single_ground_truth_image_info
)


@pytest.mark.parametrize('crowds', [0, 1] if _KNOWS_CROWDS else [0])
def test_scores_of_masks_are_those_of_the_stock_evaluation(crowds):
  random = np.random.RandomState(5)
  # Ids that are text have an order too.
  truths = [_truth(random, key, 4, crowds) for key in ('9', '10', '1')]
  found = [_found(random, truth) for truth in truths]
  stock = coco_evaluation.CocoMaskEvaluator(
    [{'id': n, 'name': str(n)} for n in range(1, CLASSES + 1)]
  )
  for truth, each in zip(truths, found):
    stock.add_single_ground_truth_image_info(
      truth.image_id,
      {
        'groundtruth_boxes': truth.boxes,
        'groundtruth_classes': truth.class_ids,
        'groundtruth_is_crowd': truth.is_crowd,
        'groundtruth_instance_masks': _masks(truth.boxes),
      },
    )
    stock.add_single_detected_image_info(
      truth.image_id,
      {
        'detection_scores': each.scores,
        'detection_classes': each.class_ids,
        'detection_masks': _masks(each.boxes),
      },
    )
  with contextlib.redirect_stdout(io.StringIO()):
    expected = stock.evaluate()
  truths, found = (
    [
      each._replace(masks=coco_metrics.run_lengths(_masks(each.boxes)))
      for each in images
    ]
    for images in (truths, found)
  )
  scorer = coco_metrics.Scorer(truths, CLASSES, coco_metrics.MASKS)
  ours = scorer.score(found)
  assert 0.02 < ours['mAP'] < 0.95
  assert ours['mAP'] == expected['DetectionMasks_Precision/mAP']
  assert ours['AP50'] == expected['DetectionMasks_Precision/mAP@.50IOU']
  assert ours != coco_metrics.Scorer(truths, CLASSES).score(found)
