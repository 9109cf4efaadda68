import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.common import errors
from object_detection_pruning.core import criteria, masking, pruner


class Largest(criteria.WeightCriterion):
  """The other way round: what is large goes first."""

  form = 'largest'
  needs = frozenset({criteria.PHOTOS})

  def scores(self, weights):
    return 1 / tf.abs(weights)


def test_magnitude_is_absolute():
  scores = criteria.find('magnitude').scores(tf.constant([-2.0, 0, 1]))
  with tf.Session() as session:
    assert session.run(scores).tolist() == [2, 0, 1]


def test_unknown_criterion_is_an_error():
  with pytest.raises(errors.InputError) as error:
    criteria.find('size')
  assert str(error.value) == (
    "criterion must be one of magnitude, random, taylor, movement, got 'size'"
  )


def test_chance_scores_alike_at_every_update_and_by_no_weight():
  random = criteria.find('random')
  weights = tf.placeholder(tf.float32, [40, 50])
  scores = random.scores(weights), random.scores(weights)
  with tf.Session() as session:
    first, second = session.run(scores, {weights: np.zeros([40, 50])})
    third = session.run(scores[0], {weights: np.ones([40, 50])})
  np.testing.assert_array_equal(first, second)
  np.testing.assert_array_equal(first, third)
  assert 0.45 < np.mean(first) < 0.55
  assert len(np.unique(first)) > 1900


def test_new_criterion_is_a_class_and_a_line(monkeypatch):
  monkeypatch.setattr(criteria, 'CRITERIA', criteria.CRITERIA + (Largest,))
  with masking.masking_scope():
    slim.fully_connected(tf.zeros([1, 4]), 1, scope='a')
  (kernel,) = masking.masked_kernels()
  the_pruner = pruner.Pruner([kernel], criteria.find('largest'))
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(kernel.weights.assign([[3.0], [-4.0], [1.0], [2.0]]))
    the_pruner.update(session, [2])
    assert session.run(kernel.mask).tolist() == [[0], [0], [1], [1]]


def test_what_a_criterion_needs_and_is_not_there_is_named():
  Largest().check_has('criterion', [criteria.PHOTOS, criteria.GRADIENTS])
  with pytest.raises(errors.InputError) as error:
    Largest().check_has('criterion', [criteria.GRADIENTS])
  assert str(error.value) == (
    'criterion largest needs photos, which is not there'
  )
