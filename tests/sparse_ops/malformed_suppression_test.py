"""A malformed suppression is an InvalidArgument error, and never a crash."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from sparse_op_inputs import unknown

from object_detection_pruning.sparse_ops import library

BOXES = np.zeros((2, 5, 1, 4), np.float32)
SCORES = np.zeros((2, 5, 3), np.float32)
WINDOW = np.zeros((2, 4), np.float32)
FIELD = np.zeros((2, 5, 6), np.float32)


def suppression(wrap=unknown, counts=(5, 5), field=FIELD, **changes):
  given = {'boxes': BOXES, 'scores': SCORES, 'clip_window': WINDOW}
  attributes = {
    'score_threshold': 0.0,
    'iou_threshold': 0.5,
    'max_size_per_class': 4,
    'max_total_size': 7,
  }
  for name, value in changes.items():
    (given if name in given else attributes)[name] = value
  tensors = {name: wrap(value) for name, value in given.items()}
  return library.load().multi_class_non_max_suppression(
    num_valid_boxes=unknown(counts, tf.int32),
    fields=[wrap(field)],
    **tensors,
    **attributes,
  )


def test_the_malformed_calls_differ_from_one_that_works():
  with tf.Session() as session:
    found = session.run(suppression())
  assert found.nms_boxes.shape == (2, 7, 4)
  assert found.nms_fields[0].shape == (2, 7, 6)
  assert not found.num_detections.any()


@pytest.mark.parametrize(
  'message, changes',
  [
    ('boxes must be', {'boxes': BOXES[..., :3]}),
    ('boxes must be', {'boxes': BOXES[0]}),
    ('boxes must be of 1 or 3 classes', {'boxes': np.repeat(BOXES, 2, 2)}),
    ('scores must be', {'scores': SCORES[:1]}),
    ('scores must be', {'scores': SCORES[:, :4]}),
    ('scores must be', {'scores': SCORES[..., 0]}),
    ('more columns', {'first_class': 3}),
    ('more columns', {'scores': SCORES[..., :0]}),
    ('clip_window must be', {'clip_window': WINDOW[:1]}),
    ('clip_window must be', {'clip_window': WINDOW[:, :2]}),
    ('num_valid_boxes must be', {'counts': [5]}),
    ('num_valid_boxes must be in 0..5', {'counts': [5, 6]}),
    ('num_valid_boxes must be in 0..5', {'counts': [-1, 5]}),
    ('fields must be', {'field': FIELD[:, :4]}),
    ('fields must be', {'field': FIELD[0, 0]}),
    ('score_threshold', {'score_threshold': -0.5}),
    ('score_threshold', {'score_threshold': float('nan')}),
    ('iou_threshold', {'iou_threshold': 1.5}),
    ('iou_threshold', {'iou_threshold': float('nan')}),
    ('max_size_per_class', {'max_size_per_class': 0}),
    ('max_total_size', {'max_total_size': 2**31 - 1}),
    ('first_class', {'first_class': -1}),
  ],
)
def test_malformed_suppressions_are_refused(message, changes):
  with pytest.raises(
    (tf.errors.InvalidArgumentError, ValueError), match=message
  ), tf.Session() as session:
    session.run(suppression(**changes))


def test_shapes_are_known_beforehand():
  found = suppression(wrap=tf.constant)
  assert found.nms_scores.shape.as_list() == [2, 7]
  assert found.nms_fields[0].shape.as_list() == [2, 7, 6]


def test_a_batch_whose_detections_overflow_is_refused_beforehand():
  # TensorFlow itself refuses it of boxes, but not of a batch of windows.
  window = tf.placeholder(tf.float32, [2**60, 4])
  with pytest.raises(ValueError, match='is too large'):
    suppression(
      wrap=lambda value: window if value is WINDOW else unknown(value)
    )


def test_a_field_of_no_values_whose_sizes_overflow_is_refused():
  field = tf.placeholder_with_default(
    tf.zeros(tf.constant([0, 5, 2**31, 2**31], tf.int64)), None
  )
  found = suppression(
    wrap=lambda value: field if value is FIELD else unknown(value[:0]),
    counts=[],
  )
  with tf.Session() as session, pytest.raises(
    tf.errors.InvalidArgumentError, match='is too large'
  ):
    # Not fetched: NumPy cannot hold such shapes.
    session.run(found.nms_boxes.op)


def test_boxes_without_an_area_are_not_found():
  # They suppress nothing, either: what overlaps them is found.
  boxes = np.float32([[[[0, 0, 0, 1]], [[0, 0, 1, 1]], [[0.5, 0.5, 0.5, 0.5]]]])
  scores = np.float32([[[0.9], [0.8], [0.7]]])
  found = suppression(
    boxes=boxes,
    scores=scores,
    clip_window=np.float32([[0, 0, 1, 1]]),
    counts=[3],
    field=np.zeros((1, 3, 1)),
  )
  with tf.Session() as session:
    number, values = session.run([found.num_detections, found.nms_scores])
  assert number.tolist() == [1] and values[0, 0] == np.float32(0.8)
