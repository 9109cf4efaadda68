"""A TFLite detector sees an image as the network was trained to see it."""

import json
import os

import numpy as np
from object_detection.protos import image_resizer_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.export import exporter, tflite
from object_detection_pruning.inference import frozen_graph, tflite_detector


def test_images_are_resized_by_the_method_of_the_config(run, tmp_path):
  config = pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))
  resizer = config.model.ssd.image_resizer.fixed_shape_resizer
  resizer.resize_method = image_resizer_pb2.AREA
  checkpoint = checkpoints.resolve(run.model_dir)
  exporter.export(config, checkpoint, str(tmp_path))
  plain = frozen_graph.load(str(tmp_path / exporter.FROZEN_GRAPH))
  path = tflite.export(config, checkpoint, str(tmp_path))
  image = shapes.generate(3, 0, 311).image
  found, wanted = (
    each.detect(image) for each in (tflite_detector.load(path), plain)
  )
  assert wanted.scores.size > 5
  np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-4)
  with open(str(tmp_path / 'model.json')) as file:
    assert json.load(file)['resize_method'] == 'AREA'
  # Columns of black and white are grey by AREA, and black by BILINEAR.
  image = np.zeros([192, 192, 3], np.uint8)
  image[:, 1::2] = 255
  pixels = tflite_detector.load(path)._resize(image)
  np.testing.assert_allclose(pixels, np.zeros([1, 96, 96, 3]), atol=1e-6)
