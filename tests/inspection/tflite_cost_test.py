import os
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, stacks
from object_detection_pruning.inspection import tflite_cost

# The same in all of its types.
_16X8 = 'EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8'


def about(nonzeros):
  """The smallest weights may be zero in 8 bits."""
  return pytest.approx(nonzeros, abs=2)


def kernel(shape, zeros):
  """A constant with so many zeros among values of both signs."""
  values = np.linspace(-1, 1, int(np.prod(shape)) + 1)[1:]
  values[np.abs(values) < 1e-6] = 0.3
  values[:zeros] = 0
  return tf.constant(values.reshape(shape), tf.float32)


@pytest.fixture
def converter_path(monkeypatch):
  """Lets the converter be found, a program beside this Python."""
  programs = os.path.dirname(sys.executable)
  monkeypatch.setenv('PATH', programs + os.pathsep + os.environ['PATH'])


@pytest.fixture(params=['float', 'quantized', 'float16', '16x8'])
def model(request, tmp_path, graph, converter_path):
  image = tf.placeholder(tf.float32, [1, 12, 20, 3])
  net = tf.nn.conv2d(
    image, kernel([3, 3, 3, 64], 1000), [1, 2, 2, 1], 'SAME', name='first'
  )
  net = tf.nn.depthwise_conv2d(
    net, kernel([3, 3, 64, 1], 4), [1, 1, 1, 1], 'VALID', name='second'
  )
  net = tf.reshape(net, [1, 4 * 8 * 64])
  net = tf.matmul(net, kernel([2048, 5], 10000), name='third')
  net = tf.nn.bias_add(net, tf.constant([0.0, 1, 2, 3, 4]))
  with tf.Session() as session:
    converter = tf.lite.TFLiteConverter.from_session(session, [image], [net])
    if request.param != 'float':
      converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.param == 'float16':
      if not hasattr(converter, 'target_spec'):
        pytest.skip('the converter of TensorFlow 1.14 does not know it')
      converter.target_spec.supported_types = [tf.float16]
    if request.param == '16x8':
      kinds = tf.lite.OpsSet
      if not hasattr(kinds, _16X8):
        pytest.skip('the converter of TensorFlow 1 does not know it')
      converter.target_spec.supported_ops = [getattr(kinds, _16X8)]
      pixels = np.ones([1, 12, 20, 3], np.float32)
      converter.representative_dataset = lambda: [[pixels]]
    path = tmp_path / 'model.tflite'
    path.write_bytes(converter.convert())
  return str(path)


def test_macs_are_places_times_weights(model):
  cost = tflite_cost.measure(model)
  assert [
    (layer.op, layer.size, layer.nonzeros, layer.macs) for layer in cost.layers
  ] == [
    ('Conv2D', 1728, about(728), 6 * 10 * 1728),
    ('DepthwiseConv2D', 576, about(572), 4 * 8 * 576),
    ('FullyConnected', 10240, about(240), 10240),
  ]
  few = 60 * 728 + 32 * 572 + 240
  assert cost.nonzero_macs == pytest.approx(few, abs=2 * 60)


def test_kernel_that_ops_share_counts_once(tmp_path, graph, converter_path):
  image = tf.placeholder(tf.float32, [1, 12, 20, 8])
  shared, bias = kernel([3, 3, 8, 8], 100), tf.constant([1.0] * 7 + [0])
  outputs = [
    tf.nn.bias_add(tf.nn.conv2d(net, shared, [1, 1, 1, 1], 'SAME'), bias)
    for net in (image, image[:, :6])
  ]
  with tf.Session() as session:
    converter = tf.lite.TFLiteConverter.from_session(session, [image], outputs)
    path = tmp_path / 'model.tflite'
    path.write_bytes(converter.convert())
  cost = tflite_cost.measure(str(path))
  assert (cost.parameters, cost.nonzeros) == (576 + 8, 476 + 7)
  assert [layer.macs for layer in cost.layers] == [18 * 20 * 576]


def converted(tmp_path, image, net):
  with tf.Session() as session:
    converter = tf.lite.TFLiteConverter.from_session(session, [image], [net])
    path = tmp_path / 'model.tflite'
    path.write_bytes(converter.convert())
  return tflite_cost.measure(str(path))


def test_transposed_convolution_counts(tmp_path, graph, converter_path):
  image = tf.placeholder(tf.float32, [1, 6, 10, 8])
  net = tf.nn.conv2d_transpose(
    image, kernel([3, 3, 4, 8], 100), [1, 12, 20, 4], [1, 2, 2, 1], 'SAME'
  )
  cost = converted(tmp_path, image, net)
  (layer,) = cost.layers
  assert (layer.op, layer.size, layer.nonzeros) == ('TransposeConv', 288, 188)
  assert layer.macs == 6 * 10 * 288
  assert not cost.gap


def test_kernels_that_do_not_count_are_named(tmp_path, graph, converter_path):
  image = tf.placeholder(tf.float32, [2, 6, 8])
  if stacks.current() == stacks.CLASSIC:
    pytest.skip('the converter of TensorFlow 1.14 has no batches of products')
  net = tf.matmul(image, kernel([2, 8, 5], 10), name='products')
  cost = converted(tmp_path, image, tf.nn.relu(net))
  assert not cost.layers
  assert 'products' in cost.gap


@pytest.mark.parametrize('content', [bytes(range(200)), b'', b'\xff' * 500])
def test_damaged_file_is_told_in_one_line(tmp_path, content):
  path = tmp_path / 'model.tflite'
  path.write_bytes(b'\x1c\0\0\0TFL3' + content)
  with pytest.raises(errors.InputError, match='is a damaged TFLite model: '):
    tflite_cost.measure(str(path))
