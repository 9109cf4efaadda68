import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection.utils import spatial_transform_ops

from object_detection_pruning.common import errors
from object_detection_pruning.reconstruction import network


def _graph_of_crops():
  """Crops of an image, and crops of it at boxes that follow from those."""
  with tf.Graph().as_default() as graph:
    image = tf.placeholder(tf.float32, [1, 16, 16, 1], name='image')
    boxes = tf.reduce_mean(image) * tf.constant([[0.1, 0.2, 0.7, 0.8]])
    first = tf.image.crop_and_resize(image, boxes, [0], [4, 4], name='first')
    further = tf.reshape(first, [4, 4])[:1] * 0.5
    tf.image.crop_and_resize(image, further, [0], [2, 2], name='second')
    return graph.as_graph_def()


def test_crops_at_boxes_of_other_crops_are_those_of_the_whole_network():
  graph_def = _graph_of_crops()
  photo = np.random.RandomState(0).rand(1, 16, 16, 1).astype(np.float32)
  (crop,) = [node for node in graph_def.node if node.name == 'second']
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(graph_def, name='')
    with tf.Session(graph=graph) as session:
      boxes, wanted = session.run(
        [f'{crop.input[1]}:0', 'second:0'], {'image:0': photo}
      )
  opened = network.Network(graph_def, [])
  fed = opened.fed(opened.tensor('image'), photo)
  assert len(fed) == 5
  np.testing.assert_allclose(fed[opened.tensor('second/fed_1')], boxes, 1e-6)
  found = opened.run([opened.tensor('second')], fed, {})
  np.testing.assert_allclose(found[0], wanted, 1e-5)
  opened.close()


def test_crops_by_matrix_products_are_refused():
  with tf.Graph().as_default() as graph:
    images = tf.placeholder(tf.float32, [1, 16, 16, 1], name='image')
    boxes = tf.reduce_mean(images) * tf.constant([[[0.1, 0.2, 0.7, 0.8]]])
    spatial_transform_ops.matmul_crop_and_resize(images, boxes, [4, 4])
  with pytest.raises(
    errors.InputError, match='MatMulCropAndResize.*use_matmul_crop_and_resize:'
  ):
    network.Network(graph.as_graph_def(), [])
