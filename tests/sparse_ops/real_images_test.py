"""A whole detector finds the same in real images, dense and sparse."""

import glob
import os

import detecting
import detectors
import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection import exporter as stock_exporter
from PIL import Image
from tensorflow.python.framework import tensor_util

from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.common import checkpoints, own_process
from object_detection_pruning.graphs import graph_index, map_loops
from object_detection_pruning.sparse_ops import (
  library,
  loading,
  pictures,
  replacing,
  rewrite,
  suppressions,
)

# Enough for kernels to be rewritten, and few enough for objects to be found.
SPARSITY = 0.62
OUTPUTS = ['detection_boxes', 'detection_scores', 'detection_classes']
# Scores closer than this may change places.
TOLERANCE = 1e-4


@pytest.fixture(scope='module')
def folder():
  path = os.environ.get('ODP_DATA')
  if not path:
    pytest.skip('ODP_DATA does not name a folder of data sets')
  return path


@pytest.fixture(scope='module')
def images(folder):
  paths = sorted(glob.glob(os.path.join(folder, 'voc_mini100/JPEGImages/*')))
  return [np.asarray(Image.open(path).convert('RGB')) for path in paths[:8]]


@pytest.fixture(scope='module')
def pruned(folder, tmp_path_factory):
  """SSD MobileNet V1 0.75 with COCO weights, pruned by magnitude."""
  model = os.path.join(folder, 'ssd_mobilenet_v1_0.75_coco')
  exported = str(tmp_path_factory.mktemp('exported'))
  with tf.Graph().as_default():
    stock_exporter.export_inference_graph(
      'image_tensor',
      pipeline.load(os.path.join(model, 'model_only.config')),
      os.path.join(model, 'model.ckpt'),
      exported,
    )
  graph_def = loading.read_graph_def(
    os.path.join(exported, 'frozen_inference_graph.pb')
  )
  return prune(graph_def)


def prune(graph_def):
  for node in graph_def.node:
    if node.op != 'Const' or not node.name.endswith('/weights'):
      continue
    weights = tensor_util.MakeNdarray(node.attr['value'].tensor)
    limit = np.quantile(np.abs(weights), SPARSITY)
    weights = np.where(np.abs(weights) > limit, weights, 0)
    node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(weights))
  return graph_def


def two_stage_graph(folder, instance_masks):
  """A frozen two-stage detector with scaled random weights, pruned."""
  config = detectors.config(
    detectors.faster_rcnn(instance_masks=instance_masks)
  )
  built = inference_graph.build(config)
  checkpoint = os.path.join(folder, 'model.ckpt')
  checkpoints.write(
    checkpoint, dict(networks.random_tensors(built), global_step=np.int64(0))
  )
  exported = os.path.join(folder, 'exported')
  with tf.Graph().as_default():
    stock_exporter.export_inference_graph(
      'image_tensor', config, checkpoint, exported
    )
  return prune(
    loading.read_graph_def(os.path.join(exported, 'frozen_inference_graph.pb'))
  )


def detect(graph_def, images, threads, outputs=OUTPUTS):
  with own_process.OwnProcess(threads, 1) as process:
    return process.call(detecting.detect, graph_def, images, outputs)


@pytest.mark.parametrize('threads', [1, 2])
def test_boxes_scores_and_classes_are_those_of_the_plain_graph(
  pruned, images, threads
):
  library.load()
  rewritten = rewrite.rewrite(pruned)
  # Thirteen pairs of a depthwise and a pointwise layer.
  assert rewritten.report.counts['SparseSeparableConv2D'] == 13
  assert rewritten.report.counts['MultiClassNonMaxSuppression'] == 1
  assert rewritten.report.counts['ResizeNormalizePicture'] == 1
  found = 0
  for plain, sparse in zip(
    detect(pruned, images, threads),
    detect(rewritten.graph_def, images, threads),
  ):
    (boxes,), (scores,), (classes,) = plain
    assert len(scores) == 100
    found += np.sum(scores > 0.3)
    np.testing.assert_allclose(sparse[1][0], scores, atol=TOLERANCE)
    gaps = -np.diff(scores)
    clear = np.ones(100, bool)
    clear[1:] &= gaps > TOLERANCE
    clear[:-1] &= gaps > TOLERANCE
    np.testing.assert_array_equal(sparse[2][0][clear], classes[clear])
    np.testing.assert_allclose(
      sparse[0][0][clear], boxes[clear], atol=TOLERANCE
    )
  assert found > 10


def test_what_is_around_the_layers_gives_the_same_to_the_last_bit(
  pruned, images
):
  library.load()
  index = graph_index.GraphIndex(pruned)
  outputs = OUTPUTS + ['num_detections']
  loops = list(map_loops.find(pruned, index))
  replacements = list(suppressions.find(index, loops))
  replacements += pictures.find(index, loops, set(outputs))
  assert len(replacements) == 2
  fused = replacing.apply(pruned, index, replacements, set(outputs))
  for expected, found in zip(
    detect(pruned, images[:4], 1, outputs),
    detect(fused, images[:4], 1, outputs),
  ):
    for name, a, b in zip(outputs, expected, found):
      np.testing.assert_array_equal(b, a, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize('instance_masks', [False, True])
def test_two_stages_find_the_same(images, tmp_path, instance_masks):
  library.load()
  plain = two_stage_graph(str(tmp_path), instance_masks)
  rewritten = rewrite.rewrite(plain)
  assert rewritten.report.counts['SparseConv2D'] > 50
  assert rewritten.report.counts['CropResizeMaxPool'] >= 1
  # One for proposals, one for detections.
  assert rewritten.report.counts['MultiClassNonMaxSuppression'] == 2
  assert rewritten.report.counts['ResizeNormalizePicture'] == 1
  assert rewritten.report.counts['FastResizeBilinear'] == instance_masks
  outputs = OUTPUTS + ['detection_masks'] * instance_masks
  compared = 0
  for expected, found in zip(
    detect(plain, images, 2, outputs),
    detect(rewritten.graph_def, images, 2, outputs),
  ):
    boxes, scores, classes = (each[0] for each in expected[:3])
    np.testing.assert_allclose(found[1][0], scores, atol=TOLERANCE)
    for index in np.flatnonzero(scores > 0.01):
      distances = np.abs(found[0][0] - boxes[index]).max(axis=1)
      same = (distances < TOLERANCE) & (found[2][0] == classes[index])
      assert same.any(), (boxes[index], distances.min())
      if instance_masks:
        masks = found[3][0][same]
        differences = np.abs(masks - expected[3][0][index])
        assert differences.max(axis=(1, 2)).min() < TOLERANCE
      compared += 1
  assert compared > 10
