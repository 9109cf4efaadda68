import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.sparse_ops import prediction_differences

FEEDS = {'image_tensor:0': np.arange(12, dtype=np.uint8).reshape([1, 2, 2, 3])}


def two_stages(head_bias):
  """A detector of two stages, whose scores all but tie."""
  with tf.Graph().as_default() as graph:
    image = tf.cast(
      tf.placeholder(tf.uint8, [1, None, None, 3], 'image_tensor'), tf.float32
    )
    features = tf.nn.conv2d(
      image, tf.ones([1, 1, 3, 2]), 1, 'SAME', name='features/Conv2D'
    )
    scores = tf.nn.bias_add(
      tf.nn.conv2d(features, tf.ones([1, 1, 2, 1]), 1, 'SAME'),
      [0.0],
      name='first/BiasAdd',
    )
    place = tf.cast(tf.argmax(tf.reshape(scores, [-1])), tf.float32)
    box = tf.reshape(tf.stack([0.0, 0.0, place, place]) / 3, [1, 4])
    crops = tf.image.crop_and_resize(features, box, [0], [2, 2])
    found = tf.nn.bias_add(
      tf.matmul(tf.reshape(crops, [1, 8]), tf.ones([8, 2])),
      head_bias,
      name='second/BiasAdd',
    )
    # The size of the features is no prediction.
    size = tf.cast(tf.shape(features)[1], tf.float32)
    tf.add(tf.nn.top_k(found, 2).values, size, name='detection_scores')
  return graph.as_graph_def()


def test_last_layer_of_each_stage_is_a_prediction():
  assert prediction_differences.predictions(two_stages([0.0, 1.0])) == [
    'first/BiasAdd:0',
    'second/BiasAdd:0',
  ]


def test_differences_are_shares_of_the_scale_though_detections_are_alike():
  comparer = prediction_differences.Comparer(
    two_stages([0.0, 0.5]), two_stages([0.5, 0.0])
  )
  found = comparer.scaled_differences(FEEDS)
  # Each value of the head is the sum of the image, over two channels of ones.
  scale = 2 * FEEDS['image_tensor:0'].sum() + 0.5
  assert found['second/BiasAdd:0'] == pytest.approx(0.5 / scale)
  assert len(found) == 2


def test_second_stage_looks_at_the_same_boxes_in_both_graphs():
  plain = two_stages([0.0, 0.0])
  other = two_stages([0.0, 0.0])
  for node in other.node:
    if node.op == 'ArgMax':
      node.op = 'ArgMin'
  found = prediction_differences.Comparer(plain, other).scaled_differences(
    FEEDS
  )
  assert found == {'first/BiasAdd:0': 0, 'second/BiasAdd:0': 0}
