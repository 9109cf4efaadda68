"""What stock's exporter is told, and which settings are refused."""

import pytest
from object_detection.protos import ssd_pb2

from object_detection_pruning.common import errors
from object_detection_pruning.export import tflite_postprocessing


def ssd():
  """An SSD of 3 classes that gives 10 detections, 6 of each class at most."""
  message = ssd_pb2.Ssd(num_classes=3)
  nms = message.post_processing.batch_non_max_suppression
  nms.max_total_detections = 10
  nms.max_detections_per_class = 6
  return message


@pytest.mark.parametrize(
  'given, limit, slots, per_class',
  [
    ({}, 10, 18, 6),
    ({'max_detections': 4}, 4, 12, 4),
    ({'detections_per_class': 9}, 10, 27, 9),
    ({'use_regular_nms': False}, 10, 10, 6),
    ({'use_regular_nms': False, 'max_classes_per_detection': 2}, 20, 10, 6),
  ],
)
def test_stock_is_told_what_was_asked_for(given, limit, slots, per_class):
  choices = tflite_postprocessing.PostProcessing(**given)
  choices.check(ssd())
  assert choices.limit(ssd()) == limit
  assert choices.stock_arguments(ssd()) == {
    'add_postprocessing_op': True,
    'max_detections': slots,
    'max_classes_per_detection': given.get('max_classes_per_detection', 1),
    'detections_per_class': per_class,
    'use_regular_nms': given.get('use_regular_nms', True),
  }


@pytest.mark.parametrize(
  'given, line',
  [
    ({'max_detections': 0}, 'max_detections must be a whole number, 1 or more'),
    ({'detections_per_class': 0}, 'detections_per_class must be a whole'),
    ({'max_classes_per_detection': 0}, 'max_classes_per_detection must be a'),
    ({'max_classes_per_detection': 2}, 'so it needs --nouse_regular_nms'),
    (
      {'max_classes_per_detection': 4, 'use_regular_nms': False},
      'max_classes_per_detection must be 3 at most, the classes of the model',
    ),
    (
      {'detections_per_class': 4, 'use_regular_nms': False},
      'detections_per_class means nothing where all boxes are suppressed',
    ),
    (
      {'add_op': False, 'max_detections': 4},
      'max_detections is a setting of the detection op, and with --noadd',
    ),
    (
      {'add_op': False, 'use_regular_nms': False},
      'use_regular_nms is a setting of the detection op, and with --noadd',
    ),
  ],
)
def test_setting_that_cannot_be_is_refused(given, line):
  with pytest.raises(errors.InputError, match=line):
    tflite_postprocessing.PostProcessing(**given).check(ssd())


def test_suppression_of_the_config_is_heeded_or_refused():
  message = ssd()
  nms = message.post_processing.batch_non_max_suppression
  nms.use_class_agnostic_nms = True
  with pytest.raises(errors.InputError, match='it needs --nouse_regular_nms'):
    tflite_postprocessing.DEFAULT.check(message)
  at_once = tflite_postprocessing.PostProcessing(use_regular_nms=False)
  at_once.check(message)
  nms.soft_nms_sigma = 0.5
  with pytest.raises(errors.InputError, match='has soft_nms_sigma: 0.5; --noa'):
    at_once.check(message)
  tflite_postprocessing.PostProcessing(add_op=False).check(message)
