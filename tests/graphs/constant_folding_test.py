import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import constant_folding


def folded(output):
  graph_def = constant_folding.fold(output.graph.as_graph_def())
  return {node.name: node for node in graph_def.node}


def test_what_depends_on_constants_becomes_one():
  image = tf.placeholder(tf.float32, [2], 'image')
  scale = tf.multiply(tf.constant([1.0, 2.0]), 3.0, name='scale')
  nodes = folded(tf.multiply(image, tf.sqrt(scale, 'root'), name='output'))
  assert nodes['root'].op == 'Const'
  np.testing.assert_allclose(
    tf.make_ndarray(nodes['root'].attr['value'].tensor), np.sqrt([3.0, 6.0])
  )
  assert nodes['output'].op == 'Mul'


def test_outputs_that_nobody_reads_are_folded_too():
  tf.placeholder(tf.float32, [2], 'image')
  nodes = folded(tf.add(tf.constant(1), 2, name='output'))
  assert nodes['output'].op == 'Const'


def test_what_may_be_fed_or_differs_each_time_stays():
  tf.placeholder_with_default(tf.constant([1.0]), [None], name='fed')
  noise = tf.random.uniform([2], name='noise')
  nodes = folded(tf.add(noise, tf.ones([2]), name='output'))
  assert nodes['fed'].op == 'PlaceholderWithDefault'
  assert nodes['noise/RandomUniform'].op == 'RandomUniform'
  assert nodes['output'].op.startswith('Add')


def test_what_waits_for_another_op_stays():
  check = tf.placeholder(tf.float32, [], 'check')
  with tf.control_dependencies([check]):
    nodes = folded(tf.identity(tf.constant(1.0), 'output'))
  assert nodes['output'].op == 'Identity'
