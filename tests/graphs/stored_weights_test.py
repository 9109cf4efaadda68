import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import stored_weights
from object_detection_pruning.graphs.graph_index import GraphIndex

VALUES = np.random.RandomState(0).uniform(-1, 1, [3, 3, 2, 4])
VALUES[0] = 0


def half():
  return tf.cast(tf.constant(VALUES, tf.float16), tf.float32)


def eight_bits():
  stored = tf.constant(np.round(VALUES * 100) + 128, tf.quint8)
  return tf.quantization.dequantize(stored, -1.28, 1.27, 'MIN_COMBINED')


def rounded():
  return tf.quantization.fake_quant_with_min_max_vars(
    tf.identity(tf.constant(VALUES, tf.float32)), -1.0, 1.0
  )


def rounded_half():
  return tf.quantization.fake_quant_with_min_max_vars_per_channel(
    half(), tf.constant([-1.0] * 4), tf.constant([1.0] * 4)
  )


def network(weights):
  image = tf.placeholder(tf.float32, [1, 5, 5, 2], 'image')
  net = tf.nn.conv2d(image, tf.identity(weights), [1] * 4, 'SAME', name='net')
  return net.graph.as_graph_def()


def run(graph_def):
  image = np.random.RandomState(1).uniform(size=[1, 5, 5, 2])
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    return session.run('net:0', {'image:0': image})


@pytest.mark.parametrize('kind', [half, eight_bits, rounded, rounded_half])
def test_weights_become_what_the_graph_computes_with(kind):
  plain = network(kind())
  kernel = GraphIndex(plain).nodes['net'].input[1]
  assert GraphIndex(plain).constant(kernel) is None
  before = plain.SerializeToString()
  unpacked = stored_weights.unpack(plain)
  assert plain.SerializeToString() == before
  assert len(unpacked.names) == 1
  found = GraphIndex(unpacked.graph_def).constant(kernel)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, VALUES, atol=0.011)
  assert not found[0].any()
  np.testing.assert_array_equal(run(unpacked.graph_def), run(plain))
  # What is stored is there once.
  assert sum(node.op == 'Const' for node in unpacked.graph_def.node) == 1


def test_what_is_converted_as_the_graph_runs_stays():
  weights = tf.cast(tf.placeholder(tf.float16, VALUES.shape), tf.float32)
  plain = network(weights)
  assert stored_weights.unpack(plain) == (plain, [])


def test_conversions_of_no_weights_stay():
  image = tf.placeholder(tf.uint8, [1, 5, 5, 2])
  scale = tf.cast(tf.constant(2), tf.float32)
  net = tf.nn.conv2d(
    tf.pow(tf.cast(image, tf.float32), scale),
    tf.constant(VALUES, tf.float32),
    [1] * 4,
    'SAME',
  )
  plain = net.graph.as_graph_def()
  assert stored_weights.unpack(plain).names == []
