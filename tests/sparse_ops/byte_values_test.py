"""Weights in bytes are the nearest multiples of their channel's scale."""

import hypothesis
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import freezing
from object_detection_pruning.inspection import graph_cost
from object_detection_pruning.sparse_ops import (
  byte_values,
  exporting,
  loading,
  packing,
)

IMAGE = np.zeros((32, 40, 3), np.uint8)


@hypothesis.given(
  arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=4, max_side=7),
    elements=st.floats(-(2.0**100), 2.0**100, width=32) | st.just(0.0),
  )
)
def test_no_weight_is_further_than_half_a_scale(weights):
  mask, values = packing.pack(weights)
  found = byte_values.rounded(weights)
  assert found.numbers.dtype == np.int8
  assert found.numbers.shape == values.shape
  kernel = packing.unpack(mask, found.numbers, weights.shape, found.scales)
  flat = np.abs(weights).reshape(-1, weights.shape[-1]).astype(np.float64)
  half = flat.max(axis=0) / 127 / 2
  difference = np.abs(kernel.astype(np.float64) - weights)
  assert (difference <= half * (1 + 1e-5) + 1e-44).all()
  np.testing.assert_array_equal(kernel[weights == 0], 0)


def test_the_largest_weight_of_each_channel_stays():
  weights = np.array([[127.0, 0.5], [3.0, -1.0], [0.0, 0.0]], np.float32)
  found = byte_values.rounded(weights)
  assert found.numbers.tolist() == [127, 64, 3, -127]
  assert found.scales.tolist() == [1, np.float32(1) / np.float32(127)]


@pytest.mark.parametrize(
  'numbers, scales',
  [
    (np.int8([1, 2]), None),
    (np.float32([1, 2]), np.float32([1, 1])),
    (np.int8([1, 2]), np.float32([1])),
    (np.int8([1, 2]), np.float64([1, 1])),
    (np.int8([1, 2]), np.array([b'1', b'1'], object)),
  ],
  ids=['no scales', 'floats', 'too few', 'doubles', 'text'],
)
def test_bytes_and_scales_belong_together(numbers, scales):
  with pytest.raises(errors.InputError, match='a float32 scale for each of'):
    packing.unpack(np.uint8([3]), numbers, (1, 2), scales)


def test_a_kernel_without_a_shape_is_refused():
  with pytest.raises(errors.InputError, match=r'of the shape \[\] must have'):
    packing.unpack(np.uint8([1]), np.int8([5]), (), np.float32(1))


@pytest.fixture
def plain(tmp_path):
  """A file with a sparse convolution, a separable one and a product."""
  random = np.random.RandomState(0)

  def sparse(*shape):
    weights = random.normal(size=shape).astype(np.float32)
    weights[random.uniform(size=shape) < 0.8] = 0
    return weights

  depthwise = random.normal(size=(3, 3, 16, 1)).astype(np.float32)
  with tf.Graph().as_default() as graph:
    x = tf.placeholder(tf.float32, [1, 32, 40, 3], name='image')
    x = tf.nn.relu(tf.nn.conv2d(x, sparse(3, 3, 3, 16), [1, 2, 2, 1], 'SAME'))
    x = tf.nn.relu(tf.nn.conv2d(x, sparse(3, 3, 16, 16), [1] * 4, 'SAME'))
    x = tf.nn.depthwise_conv2d_native(x, depthwise, [1] * 4, 'SAME')
    x = tf.nn.conv2d(tf.nn.relu(x), sparse(1, 1, 16, 24), [1] * 4, 'SAME')
    tf.matmul(tf.reduce_mean(x, [1, 2]), sparse(24, 32), name='result')
  path = tmp_path / 'plain.pb'
  path.write_bytes(graph.as_graph_def().SerializeToString())
  return str(path)


def test_an_export_has_the_same_zeros_and_nearly_the_same_result(
  plain, tmp_path
):
  paths = {bits: str(tmp_path / f'sparse{bits}.pb') for bits in (8, 32)}
  results = {
    bits: exporting.export(plain, path, seconds=0, value_bits=bits)
    for bits, path in paths.items()
  }
  assert results[8].report.counts['weights in 8 bits'] == 4
  # More than rounding of sums, and not more than that of weights.
  assert 1e-3 < results[8].agreement.difference < 0.03
  assert results[8].agreement.is_close
  # Three bytes less for each weight, and a float more for each channel.
  values = sum(
    np.count_nonzero(value)
    for value in freezing.constants(loading.read_graph_def(plain)).values()
    if value.dtype == np.float32 and np.mean(value == 0) > 0.5
  )
  saved = results[32].sparse_bytes - results[8].sparse_bytes
  assert abs(saved - (3 * values - 4 * (16 + 16 + 24 + 32))) < 600
  graphs = {bits: loading.read_graph_def(each) for bits, each in paths.items()}
  costs = {
    bits: graph_cost.measure(graph, IMAGE) for bits, graph in graphs.items()
  }
  assert costs[8].parameters == costs[32].parameters
  assert costs[32].nonzeros - 10 <= costs[8].nonzeros <= costs[32].nonzeros
  x = np.random.RandomState(1).normal(size=(1, 32, 40, 3))
  outputs = []
  for path in paths.values():
    graph = loading.load_sparse_graph(path)
    with tf.Session(graph=graph) as session:
      outputs.append(session.run('result:0', {'image:0': x}))
  difference = np.abs(outputs[0] - outputs[1]).max()
  assert 0 < difference < 0.03 * np.abs(outputs[1]).max()


def test_the_command_takes_the_number_of_bits(plain, tmp_path):
  (result,) = processes.command(
    'object_detection_pruning.export_sparse_graph',
    [
      [
        f'--model={plain}',
        f'--output_path={tmp_path}/sparse.pb',
        '--measure_seconds=0',
        '--value_bits=8',
      ]
    ],
  )
  assert result.returncode == 0, result.stderr
  assert 'weights in 8 bits' in result.stdout


@pytest.mark.parametrize('bits', [0, 4, 16])
def test_other_numbers_of_bits_are_refused(plain, tmp_path, bits):
  with pytest.raises(errors.InputError, match=f'32 or 8, got {bits}'):
    exporting.export(
      plain, str(tmp_path / 'out.pb'), seconds=0, value_bits=bits
    )
  assert not (tmp_path / 'out.pb').exists()
