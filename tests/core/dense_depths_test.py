import masked_graph
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import dense_depths, masking, widths

# Of layers with four and two filters left.
DENSE = {'one': 9, 'two': 7}


@pytest.fixture
def tensors():
  """What two narrow layers make of images, by name of the layer."""
  x = masked_graph.images()
  listed = [widths.LayerWidth('one', 4, 9), widths.LayerWidth('two', 2, 7)]
  with widths.width_scope(listed):
    return {
      'one': slim.conv2d(x, 9, 3, normalizer_fn=slim.batch_norm, scope='one'),
      'two': slim.conv2d(x, 7, 3, scope='two'),
    }


def test_depth_is_that_of_the_layer_behind_other_ops(tensors):
  pooled = slim.avg_pool2d(tensors['one'], 3, stride=1, padding='SAME')
  assert pooled.shape[-1] == 4
  assert dense_depths.of(tf.clip_by_value(pooled, 0, 1), DENSE) == 9


def test_depths_of_what_is_joined_add_up(tensors):
  joined = tf.nn.relu(tf.concat([tensors['one'], tensors['two']], 3))
  assert joined.shape[-1] == 6
  assert dense_depths.of(joined + 0.0, DENSE) == 16
  beside = tf.concat([tensors['one']] * 2, 1)
  assert dense_depths.of(beside, DENSE) == 9


def test_pointwise_kernel_of_a_separable_layer_counts(tensors):
  net = slim.separable_conv2d(tensors['one'], 5, 3, 1, scope='separable')
  assert dense_depths.of(net, DENSE) == 5
  assert dense_depths.of(net, dict(DENSE, separable=6)) == 6


def test_layer_is_found_behind_its_mask():
  with masking.masking_scope():
    net = slim.conv2d(masked_graph.images(), 2, 1, scope='two')
  assert dense_depths.of(net, DENSE) == 7


def test_what_no_listed_layer_makes_is_as_deep_as_it_is(tensors):
  image = masked_graph.images()
  assert dense_depths.of(image, DENSE) == image.shape[-1]
  assert dense_depths.of(slim.conv2d(image, 5, 1, scope='x'), DENSE) == 5
  half, _ = tf.split(tensors['one'], 2, axis=3)
  assert dense_depths.of(half, DENSE) == 2
