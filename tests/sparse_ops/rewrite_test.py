"""The rewrite changes known layers, keeps results, and leaves the rest."""

import computed_networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from rewriting import RANDOM, batch_norm, image, kernel, ops, reason, rewritten

from object_detection_pruning.common import errors
from object_detection_pruning.sparse_ops import rewrite


def test_folds_batch_norm_and_activation_into_one_op(graph):
  x = tf.nn.conv2d(image(), kernel(3, 3, 16, 24), [1, 2, 2, 1], 'SAME')
  tf.nn.relu6(batch_norm(x), name='out')
  result = rewritten(graph)
  assert ops(result) == ['SparseConv2D']
  assert result.report.counts == {'SparseConv2D': 1}
  (node,) = [n for n in result.graph_def.node if n.op == 'SparseConv2D']
  assert node.attr['constant_weights'].b
  assert result.graph_def.ByteSize() < 0.5 * graph.as_graph_def().ByteSize()


@pytest.mark.parametrize('add', [tf.nn.bias_add, tf.add])
def test_folds_a_bias(graph, add):
  x = tf.nn.conv2d(image(), kernel(1, 1, 16, 24), [1] * 4, 'VALID')
  tf.nn.relu(add(x, RANDOM.normal(size=24).astype(np.float32)), name='out')
  assert ops(rewritten(graph)) == ['SparseConv2D']


def test_reads_weights_through_identities(graph):
  weights = tf.identity(tf.identity(tf.constant(kernel(1, 1, 16, 24))))
  tf.nn.conv2d(image(), weights, [1] * 4, 'SAME', name='out')
  result = rewritten(graph)
  assert ops(result) == ['SparseConv2D']
  assert not any(node.op == 'Identity' for node in result.graph_def.node)


@pytest.mark.parametrize('kind', ['half', 'rounded'])
def test_weights_stored_in_fewer_bits_become_sparse(graph, kind):
  weights = tf.constant(kernel(1, 1, 16, 24))
  if kind == 'half':
    weights = tf.cast(tf.cast(weights, tf.float16), tf.float32)
  else:
    weights = tf.quantization.fake_quant_with_min_max_vars(weights, -2.0, 2.0)
  tf.nn.conv2d(image(), weights, [1] * 4, 'SAME', name='out')
  result = rewritten(graph)
  assert ops(result) == ['SparseConv2D']
  assert result.report.counts == {'SparseConv2D': 1, 'weights as float32': 1}


@pytest.mark.parametrize(
  'kind', ['masked', 'conv1d', 'dense of rank 3', 'dense of rank 4']
)
def test_kernels_that_are_computed_from_constants_become_sparse(kind):
  network = computed_networks.frozen(kind)
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(network.graph_def, name='')
    x = RANDOM.normal(size=[1, 12, 14, 3]).astype(np.float32)
    result = rewritten(graph, [computed_networks.OUTPUT], x)
  found = ops(result)
  assert not {'Conv2D', 'MatMul', 'Mul'} & set(found)
  sparse = [op for op in found if op.startswith('Sparse')]
  assert len(sparse) == network.layers
  if 'dense' not in kind:  # TensorFlow 2 reads such a kernel as it is.
    made = result.report.counts['kernel as constant']
    assert made == network.layers


def test_graph_trained_for_8_bits_says_what_it_keeps(graph):
  def rounded(x):
    return tf.quantization.fake_quant_with_min_max_vars(x, 0.0, 6.0)

  # Batch norm folded into the weights as the graph runs, then rounding.
  scale = tf.math.rsqrt(tf.constant(np.full([24], 4, np.float32)) + 1e-3)
  weights = rounded(tf.constant(kernel(1, 1, 16, 24)) * scale)
  x = tf.nn.conv2d(rounded(image()), weights, [1] * 4, 'SAME')
  tf.identity(rounded(tf.nn.relu6(x)), name='out')
  result = rewritten(graph)
  assert result.report.counts == {'SparseConv2D': 1, 'weights as float32': 1}
  assert [entry.op for entry in result.report.kept] == [
    'FakeQuantWithMinMaxVars'
  ] * 2
  text = str(result.report)
  assert text.count('(kept: rounds activations') == 2
  assert text.endswith('kept: 2, 2 of them FakeQuant of activations')


def test_keeps_explicit_padding(graph):
  pads = [[0, 0], [1, 2], [0, 1], [0, 0]]
  tf.nn.conv2d(image(), kernel(3, 3, 16, 24), [1] * 4, pads, name='out')
  assert ops(rewritten(graph)) == ['SparseConv2D']


def test_padding_as_wide_as_the_kernel_stays(graph):
  pads = [[0, 0], [1, 1], [0, 0], [0, 0]]
  tf.nn.conv2d(image(), kernel(1, 1, 16, 24), [1] * 4, pads, name='out')
  result = rewritten(graph)
  assert ops(result) == ['Conv2D']
  (kept,) = result.report.kept
  assert 'its padding is as wide as its kernel' in kept.note


def test_joins_depthwise_and_pointwise(graph):
  x = tf.nn.depthwise_conv2d_native(
    image(), kernel(3, 3, 16, 1, density=1), [1, 2, 2, 1], 'SAME'
  )
  x = tf.nn.relu6(batch_norm(x))
  x = tf.nn.conv2d(x, kernel(1, 1, 16, 24), [1] * 4, 'SAME')
  tf.nn.relu6(batch_norm(x), name='out')
  assert ops(rewritten(graph)) == ['SparseSeparableConv2D']


def test_does_not_join_a_depthwise_layer_that_others_read(graph):
  x = tf.nn.depthwise_conv2d_native(
    image(), kernel(3, 3, 16, 1, density=1), [1] * 4, 'SAME'
  )
  tf.nn.conv2d(x, kernel(1, 1, 16, 24), [1] * 4, 'SAME', name='out')
  tf.negative(x, name='other')
  found = ops(rewritten(graph))
  assert sorted(found) == ['FusedDepthwiseConv2D', 'Neg', 'SparseConv2D']


def test_joins_siblings_of_one_input(graph):
  x = image()
  one = tf.nn.relu(tf.nn.conv2d(x, kernel(1, 1, 16, 24), [1] * 4, 'SAME'))
  two = tf.nn.relu(tf.nn.conv2d(x, kernel(1, 1, 16, 10), [1] * 4, 'SAME'))
  other = tf.nn.relu(tf.nn.conv2d(x, kernel(3, 3, 16, 10), [1] * 4, 'SAME'))
  tf.concat([one, two, other], 3, name='out')
  result = rewritten(graph)
  assert ops(result).count('SparseConv2D') == 2
  # The report has a line for each layer, and counts ops.
  assert result.report.counts == {'SparseConv2D': 2}
  assert [entry.op for entry in result.report.entries] == ['SparseConv2D'] * 3


def test_makes_fully_connected_layers_sparse(graph):
  x = tf.reshape(image(), [-1, 12 * 14 * 16])
  bias = RANDOM.normal(size=9).astype(np.float32)
  tf.nn.bias_add(tf.matmul(x, kernel(12 * 14 * 16, 9)), bias, name='out')
  assert 'SparseMatMulBias' in ops(rewritten(graph))


def test_fuses_the_first_convolution_and_the_stem(graph):
  x = image(depth=3)
  tf.nn.conv2d(
    x, kernel(3, 3, 3, 24, density=1), [1, 2, 2, 1], 'SAME', name='first'
  )
  tf.nn.depthwise_conv2d_native(
    x, kernel(7, 7, 3, 8, density=1), [1, 2, 2, 1], 'SAME', name='stem'
  )
  assert sorted(ops(rewritten(graph))) == [
    'FusedConv2D',
    'FusedDepthwiseConv2D',
  ]


def test_keeps_dense_kernels_and_folds_their_batch_norm(graph):
  x = tf.nn.conv2d(image(), kernel(3, 3, 16, 24, density=0.9), [1] * 4, 'SAME')
  tf.nn.relu(batch_norm(x), name='out')
  result = rewritten(graph)
  assert ops(result) == ['Conv2D', 'BiasAdd', 'Relu']
  assert 'fewer than 0.6 zeros' in reason(result)


def test_takes_the_threshold_that_is_given(graph):
  tf.nn.conv2d(
    image(), kernel(3, 3, 16, 24, density=0.6), [1] * 4, 'SAME', name='out'
  )
  assert ops(rewritten(graph, min_sparsity=0.3)) == ['SparseConv2D']


@pytest.mark.parametrize('middle', ['conv', 'norm'])
def test_keeps_outputs_in_the_middle_of_a_layer(graph, middle):
  x = tf.nn.conv2d(image(), kernel(3, 3, 16, 24), [1] * 4, 'SAME', name='conv')
  x = batch_norm(x)
  name = 'conv' if middle == 'conv' else x.op.name
  tf.nn.relu(x, name='out')
  names = {n.name for n in rewritten(graph, [name]).graph_def.node}
  assert {name, 'out'} <= names


def test_keeps_both_uses_of_a_convolution(graph):
  x = tf.nn.conv2d(image(), kernel(1, 1, 16, 24), [1] * 4, 'SAME')
  tf.nn.relu(x, name='one')
  tf.negative(x, name='two')
  assert ops(rewritten(graph)) == ['SparseConv2D', 'Relu', 'Neg']


def test_keeps_weights_of_two_calls_once(graph):
  x = image()
  weights, other = tf.constant(kernel(3, 3, 16, 24)), kernel(3, 3, 16, 24)
  for y, filters in ((x, weights), (x + 1, weights), (x + 2, other)):
    tf.nn.relu(tf.nn.conv2d(y, filters, [1, 1, 1, 1], 'SAME'))
  result = rewritten(graph)
  names = [node.name for node in result.graph_def.node]
  assert ops(result).count('SparseConv2D') == 3
  assert sum(name.endswith('/values') for name in names) == 2


def test_keeps_control_inputs(graph):
  x, weights = image(), tf.constant(kernel(1, 1, 16, 24))
  with tf.control_dependencies([tf.no_op(name='before')]):
    tf.nn.conv2d(x, weights, [1] * 4, 'SAME', name='out')
  result = rewritten(graph)
  (node,) = [n for n in result.graph_def.node if n.op == 'SparseConv2D']
  assert '^before' in node.input


def test_forgets_places_beside_nodes_that_are_gone(graph):
  x = tf.nn.conv2d(image(), kernel(1, 1, 16, 24), [1] * 4, 'SAME')
  y = tf.nn.relu(batch_norm(x))
  with graph.colocate_with(x.op):
    tf.negative(y, name='out')
  assert ops(rewritten(graph)) == ['SparseConv2D', 'Neg']


def test_leaves_batch_norm_in_training_alone(graph):
  x = tf.nn.conv2d(image(), kernel(1, 1, 16, 24), [1] * 4, 'SAME')
  tf.nn.relu(batch_norm(x, is_training=True, mean=None, variance=None))
  found = ops(rewritten(graph))
  assert found[0] == 'SparseConv2D' and found[1].startswith('FusedBatchNorm')


def test_leaves_dilated_kernels_alone(graph):
  tf.nn.conv2d(
    image(), kernel(3, 3, 16, 24), [1] * 4, 'SAME', dilations=[1, 2, 2, 1]
  )
  result = rewritten(graph)
  assert ops(result) == ['Conv2D'] and 'dilated' in reason(result)


def test_leaves_other_types_alone(graph):
  x = tf.cast(image(), tf.float64)
  tf.nn.conv2d(x, kernel(3, 3, 16, 24).astype(np.float64), [1] * 4, 'SAME')
  result = rewritten(graph)
  assert 'SparseConv2D' not in ops(result) and 'float32' in reason(result)


def test_leaves_weights_that_are_computed_alone(graph):
  x = image()
  weights = tf.reshape(x[0, :4, :6, :], [1, 1, 16, 24])
  tf.nn.conv2d(x, weights, [1] * 4, 'SAME', name='out')
  result = rewritten(graph)
  assert 'Conv2D' in ops(result) and 'no constant' in reason(result)


def test_leaves_channels_first_alone(graph):
  x = tf.placeholder(tf.float32, [2, 16, 8, 8], name='image')
  tf.nn.conv2d(
    x, kernel(3, 3, 16, 24), [1] * 4, 'SAME', data_format='NCHW', name='out'
  )
  result = rewrite.rewrite(graph.as_graph_def())
  assert ops(result) == ['Conv2D'] and 'NCHW' in reason(result)


def test_leaves_transposed_products_alone(graph):
  x = tf.reshape(image(), [-1, 16])
  tf.matmul(x, kernel(9, 16), transpose_b=True, name='out')
  result = rewritten(graph)
  assert 'MatMul' in ops(result) and 'transposed' in reason(result)


def test_leaves_an_addition_of_another_shape_alone(graph):
  x = tf.nn.conv2d(image(), kernel(1, 1, 16, 24), [1] * 4, 'SAME')
  tf.add(x, np.ones((12, 14, 24), np.float32), name='out')
  first, second = ops(rewritten(graph))
  assert first == 'SparseConv2D' and second in ('Add', 'AddV2')


def test_leaves_a_graph_without_kernels_as_it_is(graph):
  tf.negative(image(), name='out')
  result = rewritten(graph)
  assert result.graph_def == graph.as_graph_def()
  assert 'nothing' in result.report.summary()


@pytest.mark.parametrize('value', [-0.1, 1.5, float('nan')])
def test_refuses_a_threshold_out_of_range(graph, value):
  image()
  with pytest.raises(errors.InputError, match='min_sparsity must be in'):
    rewrite.rewrite(graph.as_graph_def(), min_sparsity=value)


def test_refuses_outputs_that_are_not_there(graph):
  image()
  with pytest.raises(errors.InputError, match='no output boxes'):
    rewrite.rewrite(graph.as_graph_def(), ['boxes'])


def test_refuses_a_graph_that_is_sparse_already(graph):
  tf.nn.conv2d(image(), kernel(1, 1, 16, 24), [1] * 4, 'SAME', name='out')
  once = rewrite.rewrite(graph.as_graph_def()).graph_def
  with pytest.raises(errors.InputError, match='sparse ops already'):
    rewrite.rewrite(once)
