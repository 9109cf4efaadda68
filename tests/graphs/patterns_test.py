"""Patterns match what is the same, and nothing that only looks like it."""

import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import patterns
from object_detection_pruning.graphs.graph_index import GraphIndex
from object_detection_pruning.graphs.patterns import (
  anything,
  both,
  constant,
  first_of,
  node,
  same,
)


@pytest.fixture
def matcher(graph):
  x = tf.placeholder(tf.float32, [2, 4], name='x')
  y = tf.placeholder(tf.float32, [2, 4], name='y')
  tf.add(tf.identity(x), x, name='twice')
  tf.add(x, y, name='sum')
  tf.multiply(x, 3.0, name='scaled')
  tf.split(x, 2, axis=1, name='split')
  three = tf.constant(3.0)
  with tf.control_dependencies([tf.no_op()]):
    tf.multiply(x, three, name='waits')
    tf.multiply(x, tf.constant(3.0), name='constant_waits')
  with tf.control_dependencies([tf.debugging.Assert(True, ['no'])]):
    tf.multiply(x, three, name='asserts')
  return patterns.Matcher(GraphIndex(graph.as_graph_def()))


def test_a_name_stands_for_one_tensor(matcher):
  pattern = node('Add AddV2', anything('a'), anything('a'))
  assert matcher.match(pattern, 'twice')
  assert matcher.found == {'a': 'x'}
  matcher.found = {}
  assert not matcher.match(pattern, 'sum')


def test_a_constant_has_a_value_or_gets_a_name(matcher):
  assert matcher.match(node('Mul', same('x'), constant(3.0)), 'scaled')
  assert not matcher.match(node('Mul', same('x'), constant(2.0)), 'scaled')
  assert matcher.match(node('Mul', same('x'), constant('by')), 'scaled')
  assert matcher.found['by'] == 3


def test_outputs_and_attributes_count(matcher):
  split = ('Split', constant(1), same('x'))
  assert matcher.match(node(*split, output=1, num_split=2), 'split:1')
  assert not matcher.match(node(*split, output=0, num_split=2), 'split:1')
  assert not matcher.match(node(*split, output=1, num_split=3), 'split:1')


def test_attributes_that_are_true_or_false_count(graph):
  x = tf.placeholder(tf.float32, [2, 4], name='x')
  tf.reduce_sum(x, 0, keepdims=True, name='kept')
  tf.reduce_sum(x, 0, name='gone')
  graph_def = graph.as_graph_def()
  for each in graph_def.node:
    # Graphs are written without what is the default.
    if each.name == 'gone':
      del each.attr['keep_dims']
  matcher = patterns.Matcher(GraphIndex(graph_def))
  for name, kept in (('kept', True), ('gone', False)):
    total = ('Sum', same('x'), constant(0))
    assert matcher.match(node(*total, keep_dims=kept), name)
    assert not matcher.match(node(*total, keep_dims=not kept), name)


def test_a_node_may_wait_for_nothing_but_assertions(matcher):
  pattern = node('Mul', same('x'), constant(3.0))
  assert matcher.match(pattern, 'asserts')
  assert not matcher.match(pattern, 'waits')
  assert not matcher.match(pattern, 'constant_waits')


def test_inputs_must_be_as_many(matcher):
  assert not matcher.match(node('Mul', same('x')), 'scaled')


def test_an_alternative_leaves_nothing_behind(matcher):
  wrong = node('Mul', anything('a'), constant(2.0))
  right = node('Mul', anything('b'), constant(3.0))
  assert matcher.match(first_of(wrong, right), 'scaled')
  assert matcher.found == {'b': 'x'}
  assert not matcher.match(both(wrong, right), 'scaled')
