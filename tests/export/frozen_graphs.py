"""Frozen graphs of detectors: exported, read, run and compared."""

import os

import detectors
import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import exporter as stock_exporter

from object_detection_pruning.builders import pipeline
from object_detection_pruning.core import masking
from object_detection_pruning.dataset_tools import shapes

OUTPUTS = [
  'detection_boxes',
  'detection_scores',
  'detection_classes',
  'num_detections',
]


def read(folder):
  """The frozen graph of an export."""
  path = os.path.join(str(folder), 'frozen_inference_graph.pb')
  with open(path, 'rb') as file:
    return tf.GraphDef.FromString(file.read())


def images():
  """Two pictures of shapes, as a batch."""
  return np.stack(
    [shapes.generate(3, index, detectors.IMAGE_SIZE).image for index in (0, 1)]
  )


def detect(definition, fed=None, outputs=OUTPUTS, node='image_tensor'):
  """Runs a frozen graph."""
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(definition, name='')
    with tf.Session(graph=graph) as session:
      return session.run(
        [f'{name}:0' for name in outputs],
        {f'{node}:0': images() if fed is None else fed},
      )


def assert_identical(first, second):
  """Compares arrays bit for bit."""
  for a, b in zip(first, second):
    assert a.dtype == b.dtype
    assert a.tobytes() == b.tobytes()


def export_unstripped(config, checkpoint, folder, include=()):
  """The masked model as it is, through the stock exporter."""
  with tf.Graph().as_default(), masking.masking_scope(include):
    stock_exporter.export_inference_graph(
      'image_tensor',
      pipeline.without_pruning_message(config),
      checkpoint,
      str(folder),
    )
  return read(folder)


def pruning_nodes(definition):
  """Names of nodes that only pruning has."""
  return [
    node.name
    for node in definition.node
    if node.name.rpartition('/')[2] in ('mask', 'threshold', 'masked_weight')
    or 'model_pruning' in node.name
  ]
