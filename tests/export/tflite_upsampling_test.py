import os

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection.utils import ops

from object_detection_pruning.builders import inference_graph
from object_detection_pruning.export import (
  exporter,
  tflite,
  tflite_upsampling,
)
from object_detection_pruning.inference import frozen_graph, tflite_detector


@pytest.mark.parametrize('shape', [(1, 3, 5, 2), (None, None, None, 2)])
@pytest.mark.parametrize('factors', [(2,), (None, 3, 2)])
def test_values_are_those_of_the_stock_code(graph, shape, factors):
  image = tf.placeholder(tf.float32, shape)
  theirs = ops.nearest_neighbor_upsampling(image, *factors)
  with tflite_upsampling.by_resizing():
    ours = ops.nearest_neighbor_upsampling(image, *factors)
  assert ours.op.type == 'ResizeNearestNeighbor'
  assert ops.nearest_neighbor_upsampling(image, 2).op.type == 'Reshape'
  pixels = np.random.RandomState(0).normal(size=(1, 3, 5, 2))
  with tf.Session() as session:
    found = session.run([ours, theirs], {image: pixels})
  np.testing.assert_array_equal(*found)


def test_model_of_a_pyramid_finds_what_the_graph_finds(tmp_path):
  config = detectors.config(detectors.ssd('ssd_mobilenet_v1_fpn'))
  prefix, folder = str(tmp_path / 'model.ckpt'), str(tmp_path / 'exported')
  built = inference_graph.build(config)
  with built.graph.as_default(), tf.Session() as session:
    tf.set_random_seed(1)
    tf.train.get_or_create_global_step()
    session.run(tf.global_variables_initializer())
    tf.train.Saver().save(session, prefix)
  exporter.export(config, prefix, folder)
  plain = frozen_graph.load(os.path.join(folder, exporter.FROZEN_GRAPH))
  # The interpreter of TensorFlow 1.14 ends the process where it cannot run.
  other = tflite_detector.load(tflite.export(config, prefix, folder))
  image = np.random.RandomState(1).randint(0, 256, [160, 160, 3], np.uint8)
  first, second = plain.detect(image), other.detect(image)
  assert first.scores.size > 5
  np.testing.assert_allclose(second.scores, first.scores, atol=1e-4)
