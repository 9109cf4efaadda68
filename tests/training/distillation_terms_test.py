"""Terms of distillation, from what a student and its teacher predict."""

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.protos import pipeline_pb2

from object_detection_pruning.common import errors
from object_detection_pruning.training import distillation
from object_detection_pruning.training import teacher as teachers


def test_a_teacher_with_fewer_stages_or_other_boxes_is_refused():
  config = detectors.config(detectors.faster_rcnn())
  settings = distillation.Settings(config, '', 1, 1, 0)
  student = {
    'rpn_box_encodings': tf.zeros([1, 9, 4]),
    'rpn_objectness_predictions_with_background': tf.zeros([1, 9, 2]),
    'refined_box_encodings': tf.zeros([3, 4, 4]),
    'class_predictions_with_background': tf.zeros([3, 5]),
  }
  first_stage = {name: student[name] for name in student if 'rpn' in name}
  with pytest.raises(errors.InputError, match='has no class_predictions_'):
    distillation.losses(student, first_stage, settings)
  one_box = dict(student, refined_box_encodings=tf.zeros([3, 1, 4]))
  with pytest.raises(errors.InputError, match=r'shape \[1, 4\], .*\[4, 4\]'):
    distillation.losses(student, one_box, settings)


def test_boxes_of_padding_say_nothing():
  rows = {
    teachers.SECOND_STAGE_SCORES: [[5.0, 0.0, 0.0]] * 4,
    teachers.SECOND_STAGE_BOXES: [[[0.0] * 4] * 2] * 4,
  }
  student = {name: tf.constant(value) for name, value in rows.items()}
  for name, value in rows.items():
    # The second of two boxes of the first image, and both of the other one.
    rows[name] = value[:1] + (np.array(value[1:]) + 3).tolist()
  rows[teachers.SECOND_STAGE_SCORES][1:] = [[0.0, 5.0, 0.0]] * 3
  taught = {name: tf.constant(value) for name, value in rows.items()}
  settings = distillation.Settings(
    text_format.Parse(
      'model { faster_rcnn { num_classes: 2 } }',
      pipeline_pb2.TrainEvalPipelineConfig(),
    ),
    'model.ckpt',
    *[1.0, 1.0, 0.0],
  )
  for counts, is_alike in (([1, 0], True), ([2, 0], False)):
    student['num_proposals'] = tf.constant(counts)
    terms = distillation.losses(student, taught, settings)
    with tf.Session() as session:
      found = session.run(list(terms.values()))
    assert len(found) == 2
    assert all((value < 1e-6) == is_alike for value in found)


def test_a_detector_without_a_background_loses_no_class():
  config = detectors.config(detectors.ssd())
  settings = distillation.Settings(config, '', 1, 1, 0)
  classes = detectors.NUM_CLASSES
  taught, own = (
    {
      'box_encodings': tf.fill([1, 1, 4], box),
      'class_predictions_with_background': tf.constant(
        [[[score] + [-9.0] * (classes - 1)]]
      ),
    }
    for score, box in ((9.0, 0.0), (-9.0, 1.0))
  )
  with tf.Session() as session:
    found = session.run(distillation.losses(own, taught, settings))
  assert found['Loss/distillation/class'] > 4
  assert found['Loss/distillation/box'] == pytest.approx(0.5, rel=1e-2)


def test_keypoints_count_as_the_coordinates_of_their_box():
  config = detectors.config(detectors.ssd())
  settings = distillation.Settings(config, '', 1, 1, 0)
  # The teacher sees an object in the second of three boxes alone.
  logits = np.full([1, 3, detectors.NUM_CLASSES + 1], -40.0, np.float32)
  logits[0, 1, 1] = 40.0
  taught, own = np.zeros([2, 1, 3, 8], np.float32)
  # Both see the same box, and each of two keypoints elsewhere.
  taught[0, 1] = [7, 7, 7, 7, 0, 1, 2, 3]
  own[0, 1] = [7, 7, 7, 7, 2, 1, 2, 0]
  taught[0, 2] = 9
  own, taught = (
    {
      'box_encodings': tf.constant(encodings),
      'class_predictions_with_background': tf.constant(logits),
    }
    for encodings in (own, taught)
  )
  terms = distillation.losses(own, taught, settings)
  with tf.Session() as session:
    found = session.run(terms['Loss/distillation/box'])
  # Divided by the objects that the teacher sees, and one.
  assert found == pytest.approx((2**2 + 3**2) / 8 / 2)


def test_features_of_other_widths_are_refused_unless_they_do_not_count():
  config = detectors.config(detectors.ssd())
  student, teacher = (
    {
      'box_encodings': tf.zeros([1, 5, 4]),
      'class_predictions_with_background': tf.zeros([1, 5, 5]),
      'features/0': tf.zeros([1, 2, 2, channels]),
    }
    for channels in (3, 8)
  )
  settings = distillation.Settings(config, '', 1, 1, 1)
  with pytest.raises(errors.InputError, match='8 channels .* has 3 in'):
    distillation.losses(student, teacher, settings)
  found = distillation.losses(
    student, teacher, settings._replace(feature_weight=0)
  )
  assert sorted(found) == ['Loss/distillation/box', 'Loss/distillation/class']
