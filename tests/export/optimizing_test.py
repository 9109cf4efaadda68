import io

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection import exporter as stock_exporter
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.export import optimizing
from object_detection_pruning.sparse_ops import loading, prediction_differences

OUTPUTS = [
  'detection_boxes',
  'detection_scores',
  'detection_classes',
  'num_detections',
]
IMAGE = shapes.generate(3, 0, detectors.IMAGE_SIZE).image


def export(folder, model, input_type):
  """Exports a detector with random weights, and gives its frozen graph."""
  config = detectors.config(model)
  prefix = str(folder / 'random.ckpt')
  with tf.Graph().as_default(), tf.Session() as session:
    # Ops take their seeds as they are made.
    tf.set_random_seed(1)
    tf.train.create_global_step()
    detectors.predict(config)
    session.run(tf.global_variables_initializer())
    tf.train.Saver().save(session, prefix)
  with tf.Graph().as_default():
    stock_exporter.export_inference_graph(
      input_type, config, prefix, str(folder)
    )
  path = folder / 'frozen_inference_graph.pb'
  return tf.GraphDef.FromString(path.read_bytes())


def batch_norms(graph_def):
  return [n.name for n in graph_def.node if n.op.startswith('FusedBatchNorm')]


def run(graph_def, feeds):
  names = {node.name for node in graph_def.node}
  outputs = [f'{o}:0' for o in OUTPUTS + ['detection_masks'] if o in names]
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    return session.run(outputs, feeds)


def as_feeds(input_type):
  if input_type == 'image_tensor':
    return {'image_tensor:0': IMAGE[None]}
  buffer = io.BytesIO()
  Image.fromarray(IMAGE).save(buffer, 'PNG')
  encoded = buffer.getvalue()
  if input_type == 'tf_example':
    example = tf.train.Example()
    example.features.feature['image/encoded'].bytes_list.value.append(encoded)
    encoded = example.SerializeToString()
  return {f'{input_type}:0': [encoded]}


@pytest.mark.parametrize(
  'model, input_type',
  [
    (detectors.ssd(), 'image_tensor'),
    pytest.param(detectors.ssd(), 'tf_example', marks=pytest.mark.slow),
    pytest.param(
      detectors.ssd('ssd_mobilenet_v2'),
      'encoded_image_string_tensor',
      marks=pytest.mark.slow,
    ),
    pytest.param(
      detectors.faster_rcnn(),
      'encoded_image_string_tensor',
      marks=pytest.mark.slow,
    ),
    (detectors.faster_rcnn(instance_masks=True), 'encoded_image_string_tensor'),
  ],
)
def test_optimized_detector_finds_the_same(tmp_path, model, input_type):
  plain = export(tmp_path, model, input_type)
  optimized = optimizing.optimize(plain)
  assert len(batch_norms(plain)) > 10
  assert batch_norms(optimized) == []
  assert len(optimized.node) < 0.9 * len(plain.node)
  # A kernel that the second stage uses twice is there once.
  assert optimized.ByteSize() < plain.ByteSize()
  feeds = as_feeds(input_type)
  expected = run(plain, feeds)
  assert expected[1].max() > 0
  for got, wanted in zip(run(optimized, feeds), expected):
    scale = max(np.abs(wanted).max(), 1e-3)
    np.testing.assert_allclose(got, wanted, atol=1e-5 * scale)


def test_trained_pruned_detector_predicts_the_same(exported):
  plain = loading.read_graph_def(f'{exported}/frozen_inference_graph.pb')
  comparer = prediction_differences.Comparer(plain, optimizing.optimize(plain))
  worst = []
  for index in range(4):
    image = shapes.generate(3, index, detectors.IMAGE_SIZE).image
    found = comparer.scaled_differences({'image_tensor:0': image[None]})
    assert len(found) == 2 * 6  # Boxes and scores of each feature map.
    worst.append(max(found.values()))
  # Batch norm that has seen few steps amplifies the rounding of either graph;
  # a wrong fold is off by a hundredth and more.
  assert np.median(worst) < 5e-5
  assert max(worst) < 1e-4


def test_difference_is_told_as_a_share_of_the_scale(exported, tmp_path):
  optimized = optimizing.export(
    f'{exported}/frozen_inference_graph.pb', str(tmp_path), seconds=0
  )
  assert 0 < optimized.largest_difference < 1e-4
  assert str(optimized).endswith(
    'boxes and scores before suppression differ by at most '
    f'{optimized.largest_difference:.1e} of their scale'
  )


def test_graph_with_sparse_ops_is_refused():
  graph_def = tf.GraphDef()
  graph_def.node.add(name='a', op='SparseConv2D')
  with pytest.raises(errors.InputError, match='sparse ops, which are folded'):
    optimizing.optimize(graph_def)
