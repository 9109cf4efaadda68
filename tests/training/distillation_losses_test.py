import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.training import distillation_losses


def run(tensors):
  with tf.Session() as session:
    return session.run(tensors)


def test_scores_count_where_the_two_disagree_and_not_on_the_background():
  taught = tf.constant([[9.0, 2.0, -9.0], [9.0, -9.0, -9.0]])
  same = distillation_losses.score_loss(taught, taught, True)
  # The column of the background has no say under sigmoids.
  background = distillation_losses.score_loss(
    taught + tf.constant([5.0, 0, 0]), taught, True
  )
  off = distillation_losses.score_loss(
    taught + tf.constant([[0.0, -2.0, 0.0], [0.0] * 3]), taught, True
  )
  p, q = 1 / (1 + np.exp(-2.0)), 0.5
  excess = np.log(2) + p * np.log(p) + (1 - p) * np.log(1 - p)
  assert run([same, background]) == pytest.approx([0, 0], abs=1e-6)
  assert run(off) == pytest.approx((p - q) * excess / (1 + p), rel=1e-3)


def test_softmax_scores_are_compared_as_one_distribution():
  taught = tf.log(tf.constant([[0.2, 0.7, 0.1]]))
  student = tf.log(tf.constant([[0.5, 0.3, 0.2]]))
  p, q = np.array([0.2, 0.7, 0.1]), np.array([0.5, 0.3, 0.2])
  expected = 0.4 * (p * np.log(p / q)).sum() / 1.7
  found = distillation_losses.score_loss(student, taught, False)
  assert run(found) == pytest.approx(expected, rel=1e-5)


def test_a_box_of_its_own_for_each_class_counts_as_its_class_does():
  scores = tf.constant([[0.5, 0.1]])
  taught = tf.zeros([1, 2, 4])
  boxes = tf.constant([[[2.0] * 4, [1.0] * 4]])
  assert run(
    distillation_losses.box_loss(boxes, taught, scores)
  ) == pytest.approx((0.5 * 4 + 0.1) / 1.5)
  shared = distillation_losses.box_loss(boxes[:, :1], taught[:, :1], scores)
  assert run(shared) == pytest.approx(0.5 * 4 / 1.5)


def test_features_differ_relative_to_the_size_of_the_teachers():
  taught = tf.constant([[3.0, 4.0]])
  assert run(
    distillation_losses.feature_loss(taught * 2, taught)
  ) == pytest.approx(1)
