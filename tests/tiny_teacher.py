"""A teacher of one layer, whose weights are large beside what is taught."""

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.training import teacher

WEIGHTS = np.random.RandomState(5).normal(size=[4, 250000]).astype(np.float32)
IMAGES = np.random.RandomState(6).normal(size=[2, 1, 1, 3]).astype(np.float32)
# Bytes; graphs of the small networks that it teaches are far below.
SIZE = WEIGHTS.nbytes
NAME = 'features/0'


def predicted() -> tf.Tensor:
  """What it predicts of its images, in the current graph."""
  with tf.Graph().as_default() as graph:
    images = tf.placeholder(tf.float32, [None, None, None, 3], 'images')
    weights = tf.constant(WEIGHTS, name='weights')
    answer = tf.reduce_sum(weights, 1) * tf.reduce_sum(images)
  made = teacher.Teacher(graph.as_graph_def(), {NAME: answer.name})
  return made.predict(tf.constant(IMAGES), tf.ones([2, 3], tf.int32))[NAME]


def check(answer: np.ndarray) -> None:
  """Asserts that this is what it predicts."""
  np.testing.assert_allclose(
    answer, WEIGHTS.sum(1) * IMAGES.sum(), rtol=1e-3, atol=1e-2
  )
