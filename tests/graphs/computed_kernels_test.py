import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import computed_kernels
from object_detection_pruning.graphs.graph_index import GraphIndex

VALUES = np.random.RandomState(0).uniform(-1, 1, [1, 1, 2, 4])
MASK = VALUES > 0


def stored():
  return tf.constant(VALUES, tf.float32)


def masked():
  return tf.constant(MASK, tf.float32) * tf.identity(stored()), VALUES * MASK


def scaled():
  return stored() * 2.0, VALUES * 2


def normalized():
  length = tf.sqrt(tf.reduce_sum(stored() ** 2, [0, 1, 2]))
  return stored() / length, VALUES / np.sqrt((VALUES**2).sum((0, 1, 2)))


def reshaped():
  kernel = tf.constant(VALUES[0, 0].T, tf.float32)
  return tf.expand_dims([tf.transpose(kernel)], 0), VALUES


def network(kernel):
  image = tf.placeholder(tf.float32, [1, 5, 5, 2], 'image')
  net = tf.nn.conv2d(image, tf.identity(kernel), [1] * 4, 'SAME', name='net')
  return net.graph.as_graph_def()


@pytest.mark.parametrize('kind', [masked, scaled, normalized, reshaped])
def test_kernel_becomes_what_the_graph_computes(kind):
  kernel, expected = kind()
  plain = network(kernel)
  reference = GraphIndex(plain).nodes['net'].input[1]
  assert GraphIndex(plain).constant(reference) is None
  before = plain.SerializeToString(deterministic=True)
  computed = computed_kernels.compute(plain)
  assert plain.SerializeToString(deterministic=True) == before
  assert len(computed.names) == 1
  found = GraphIndex(computed.graph_def).constant(reference)
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  # What it was computed from is read by nobody now.
  assert sum(node.op == 'Const' for node in computed.graph_def.node) == 1


def grows():
  return tf.ones([2, 1]) * tf.constant(VALUES[:, :, :1], tf.float32)


def split():
  return tf.split(stored(), 2, axis=3)[0]


def fed():
  return stored() * tf.placeholder(tf.float32, [])


def drawn():
  return tf.random_uniform([1, 1, 2, 4])


def waits():
  with tf.control_dependencies([tf.placeholder(tf.float32, [])]):
    return stored() * 2.0


@pytest.mark.parametrize('kind', [grows, split, fed, drawn, waits, stored])
def test_what_is_no_such_kernel_stays(kind):
  plain = network(kind())
  assert computed_kernels.compute(plain) == (plain, [])


def test_what_is_computed_for_no_kernel_stays():
  image = tf.placeholder(tf.float32, [1, 5, 5, 2], 'image')
  scale = tf.constant([1.0, 2.0]) * tf.constant([3.0, 4.0])
  plain = tf.nn.bias_add(image * scale, scale).graph.as_graph_def()
  assert computed_kernels.compute(plain) == (plain, [])
