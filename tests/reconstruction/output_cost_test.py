from concurrent import futures

import numpy as np
import pytest
import small_detector
import tensorflow.compat.v1 as tf

from object_detection_pruning.reconstruction import (
  kernel_layers,
  output_cost,
  predictions,
)
from object_detection_pruning.reconstruction import network as networks


@pytest.fixture(scope='module')
def parts():
  graph_def = small_detector.graph_def()
  layers = kernel_layers.find(graph_def).layers
  network = networks.Network(graph_def, layers)
  return network, layers, predictions.find(network.graph, layers)


def test_raw_predictions_are_scores_and_boxes(parts):
  found = [(p.tensor.op.name, p.is_score) for p in parts[2]]
  assert found == [('detection_scores', True), ('detection_boxes', False)]


def test_only_the_heads_come_last(parts):
  network, layers, _ = parts
  assert predictions.last_sites(network.graph, layers) == [
    'box/c0',
    'box/c1',
    'class/c0',
    'class/c1',
  ]


def _measure(parts, photos):
  network = parts[0]
  image = network.tensor('image_tensor')
  with futures.ThreadPoolExecutor(2) as pool:
    return output_cost.OutputCost(*parts).measure(
      [{image: photo[np.newaxis]} for photo in photos], pool
    )


def test_an_error_in_a_score_costs_as_much_as_the_sigmoid_is_steep(parts):
  photos = small_detector.photos(3)
  scores = small_detector.run(
    small_detector.graph_def(), 'detection_scores:0', photos
  )
  steep = np.square(scores * (1 - scores))
  # One kernel gives the scores of both maps.
  np.testing.assert_allclose(
    _measure(parts, photos)['class/weights'],
    steep.sum(1).mean(0),
    rtol=1e-3,
  )


def test_an_error_in_a_box_counts_as_far_as_something_is_there(parts):
  photos = small_detector.photos(2)
  scores = small_detector.run(
    small_detector.graph_def(), 'detection_scores:0', photos
  )
  sure = scores[:, :, 1:].max(2)
  expected = output_cost.BOX_WEIGHT * sure.sum(1).mean()
  np.testing.assert_allclose(
    _measure(parts, photos)['box/weights'], [expected] * 4, rtol=1e-3
  )


def test_costs_are_the_same_each_time(parts):
  photos = small_detector.photos(2)
  first, again = _measure(parts, photos), _measure(parts, photos)
  for name, cost in first.items():
    np.testing.assert_allclose(cost, again[name], rtol=1e-5)


def test_costs_of_a_kernel_with_one_output_are_a_vector():
  with tf.Graph().as_default() as graph:
    image = tf.placeholder(tf.float32, [1, 4, 4, 3], name='image_tensor')
    kernel = tf.constant(np.ones((1, 1, 3, 1), np.float32), name='weights')
    tf.sigmoid(tf.nn.conv2d(image, kernel, 1, 'SAME'))
  layers = kernel_layers.find(graph.as_graph_def()).layers
  network = networks.Network(graph.as_graph_def(), layers)
  found = predictions.find(network.graph, layers)
  costs = _measure((network, layers, found), [np.zeros((4, 4, 3))])
  assert [cost.shape for cost in costs.values()] == [(1,)]
