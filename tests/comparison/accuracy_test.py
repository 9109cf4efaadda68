import numpy as np
import pytest

from object_detection_pruning.comparison import accuracy, examples
from object_detection_pruning.core import errors
from object_detection_pruning.inference import detector


class Oracle(detector.Detector):
  """Finds what is there, moved by a share of the image's width."""

  def __init__(self, record, shift=0.0):
    self._examples = list(examples.read(record))
    self._shift = shift

  def run(self, image):
    (example,) = [
      each
      for each in self._examples
      if each.image.shape == image.shape and (each.image == image).all()
    ]
    sides = np.array(image.shape[:2] * 2, np.float32)
    boxes = example.boxes / sides + np.float32([0, self._shift] * 2)
    return {
      'num_detections': np.float32(len(boxes)),
      'detection_boxes': boxes,
      'detection_scores': np.linspace(1, 0.9, len(boxes), dtype=np.float32),
      'detection_classes': example.class_ids.astype(np.float32),
    }


def test_finding_everything_scores_one(data):
  oracle = Oracle(data.val_record)
  found = accuracy.evaluate(oracle, data.val_record, data.label_map)
  assert found.ap == pytest.approx(1)
  assert found.ap50 == pytest.approx(1)
  assert found.mask_ap is None
  assert found.num_images == len(list(examples.read(data.val_record)))


def test_boxes_beside_the_objects_score_nothing(data):
  oracle = Oracle(data.val_record, shift=5.0)
  found = accuracy.evaluate(oracle, data.val_record, data.label_map)
  assert found.ap50 == 0


def test_limit_is_the_number_of_images(data):
  oracle = Oracle(data.val_record)
  found = accuracy.evaluate(oracle, data.val_record, data.label_map, limit=2)
  assert found.num_images == 2


def test_class_that_the_label_map_lacks_is_named(data, tmp_path):
  label_map = tmp_path / 'other.pbtxt'
  label_map.write_text('item { id: 77 name: "other" }\n')
  with pytest.raises(errors.InputError, match='holds class .* has only 77'):
    accuracy.evaluate(Oracle(data.val_record), data.val_record, str(label_map))
