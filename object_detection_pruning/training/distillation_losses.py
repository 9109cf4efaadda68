"""How far a detector is from its teacher: class scores, boxes, feature maps.

After Hinton et al. 2015 and, for detectors, Chen et al. 2017. Scores count
where the two networks disagree, boxes where the teacher sees an object.
"""

import functools

import tensorflow.compat.v1 as tf


def score_loss(
  logits: tf.Tensor, taught_logits: tf.Tensor, sigmoid: bool, first: int = 1
) -> tf.Tensor:
  """Cross entropy with the teacher's scores, less the teacher's own entropy.

  Each score, or each box under a softmax, counts as much as the two differ, and
  the sum is divided by the teacher's best scores of objects: thousands of boxes
  on the background neither add to the loss nor dilute it.

  Args:
    logits: float [boxes, columns], one for the background and each class.
    taught_logits: the same of the teacher.
    sigmoid: whether each score is a sigmoid of its own, and the background
      counts for nothing; else they are a softmax.
    first: column of the first class: 1, or 0 without one for the background.
  """
  target = scores_of(taught_logits, sigmoid)
  difference = tf.abs(scores_of(logits, sigmoid) - target)
  if sigmoid:
    entropy = functools.partial(
      tf.nn.sigmoid_cross_entropy_with_logits, labels=target
    )
    # The background has a column that nobody reads.
    classes = target.shape.as_list()[1] - first
    focus = difference * tf.constant([0.0] * first + [1.0] * classes)
  else:
    entropy = functools.partial(
      tf.nn.softmax_cross_entropy_with_logits_v2, labels=target
    )
    focus = tf.reduce_sum(difference, -1) / 2
  excess = entropy(logits=logits) - entropy(logits=taught_logits)
  return tf.reduce_sum(tf.stop_gradient(focus) * excess) / _objects(
    target[:, first:]
  )


def box_loss(
  encodings: tf.Tensor, taught_encodings: tf.Tensor, scores: tf.Tensor
) -> tf.Tensor:
  """Mean squared difference of box encodings where the teacher sees something.

  Args:
    encodings: float [boxes, 1 or classes, coordinates]: 4 of the box, and 2 of
      each keypoint.
    taught_encodings: the same of the teacher.
    scores: the teacher's, float [boxes, classes]. A box counts as its own class
      does, and one for all classes as the best of them.
  """
  differences = tf.reduce_mean(tf.square(encodings - taught_encodings), -1)
  counts = scores
  if encodings.shape.as_list()[1] == 1:
    counts = tf.reduce_max(scores, -1, keepdims=True)
  return tf.reduce_sum(counts * differences) / _objects(scores)


def feature_loss(features: tf.Tensor, taught: tf.Tensor) -> tf.Tensor:
  """Squared difference of two feature maps, relative to the teacher's size."""
  return tf.reduce_sum(tf.square(features - taught)) / (
    tf.reduce_sum(tf.square(taught)) + 1e-6
  )


def scores_of(logits: tf.Tensor, sigmoid: bool) -> tf.Tensor:
  """Scores in [0, 1] of logits [..., columns]; see `score_loss`."""
  return tf.sigmoid(logits) if sigmoid else tf.nn.softmax(logits)


def _objects(scores: tf.Tensor) -> tf.Tensor:
  """How many objects the teacher sees, as a divisor: never under one."""
  return tf.reduce_sum(tf.reduce_max(scores, -1)) + 1.0
