import numpy as np
from pycocotools import mask as coco_mask

from object_detection_pruning.inference import detections

OUTPUTS = {
  'num_detections': np.float32(3),
  'detection_boxes': np.array(
    [[0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 1.0, 1.2], [0, 0, 1, 1], [0, 0, 1, 1]],
    np.float32,
  ),
  'detection_scores': np.array([0.3, 0.9, 0.5, 0.99], np.float32),
  'detection_classes': np.array([2, 1, 3, 1], np.float32),
}


def test_boxes_are_in_pixels_within_the_image_and_surest_first():
  found = detections.from_outputs(OUTPUTS, height=100, width=200)
  np.testing.assert_allclose(
    found.boxes,
    [[0, 0, 100, 200], [0, 0, 100, 200], [10, 40, 50, 120]],
    rtol=1e-6,
  )
  assert found.class_ids.tolist() == [1, 3, 2]
  np.testing.assert_array_equal(found.scores, np.float32([0.9, 0.5, 0.3]))
  assert found.masks is None


def test_padding_behind_num_detections_is_left_out():
  outputs = dict(OUTPUTS, num_detections=np.float32(1))
  found = detections.from_outputs(outputs, 100, 200)
  assert found.class_ids.tolist() == [2]


def test_min_score_keeps_an_equal_score():
  found = detections.from_outputs(OUTPUTS, 100, 200, min_score=0.5)
  assert found.class_ids.tolist() == [1, 3]


def test_max_detections_keeps_the_surest():
  found = detections.from_outputs(OUTPUTS, 100, 200, max_detections=1)
  assert found.class_ids.tolist() == [1]


def test_masks_follow_their_detections():
  masks = np.zeros([4, 2, 2], np.float32)
  masks[0] = 1
  outputs = dict(OUTPUTS, detection_masks=masks)
  found = detections.from_outputs(outputs, 10, 10)
  assert found.masks.shape == (3, 10, 10)
  assert found.masks.sum(axis=(1, 2)).tolist() == [0, 0, 4 * 4]


def test_nothing_found_is_empty_with_masks_too():
  outputs = dict(OUTPUTS, detection_masks=np.ones([4, 2, 2], np.float32))
  found = detections.from_outputs(outputs, 10, 12, min_score=1.0)
  assert found.boxes.shape == (0, 4)
  assert found.masks.shape == (0, 10, 12)
  assert detections.to_records(found, {}) == []


def test_records_hold_plain_values_and_a_mask_that_coco_decodes():
  masks = np.zeros([4, 2, 2], np.float32)
  masks[1, 0] = 1
  outputs = dict(OUTPUTS, detection_masks=masks)
  found = detections.from_outputs(outputs, 10, 20, min_score=0.4)
  sure, unnamed = detections.to_records(found, {1: 'cat'})
  mask = sure.pop('mask')
  assert sure == {
    'class_id': 1,
    'class_name': 'cat',
    'score': 0.9,
    'box': [0, 0, 10, 20],
  }
  assert unnamed['class_name'] == 'class 3'
  decoded = coco_mask.decode(mask)
  np.testing.assert_array_equal(decoded, found.masks[0])
  assert 0 < decoded.sum() < 200
