"""Loops over the elements of a batch are found, with what they do to each."""

import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import map_loops
from object_detection_pruning.graphs.graph_index import GraphIndex


def found(graph, *outputs):
  names = [each.op.name for each in outputs]
  graph_def = tf.graph_util.extract_sub_graph(graph.as_graph_def(), names)
  return list(map_loops.find(graph_def, GraphIndex(graph_def)))


@pytest.fixture
def inputs(graph):
  return (
    tf.placeholder(tf.float32, [None, 3], name='x'),
    tf.placeholder(tf.int32, [None], name='y'),
  )


def test_elements_and_results_are_found(graph, inputs):
  first, second = tf.map_fn(
    lambda each: (each[0] * 2, each[1] + 1), inputs, (tf.float32, tf.int32)
  )
  (loop,) = found(graph, first, second)
  assert loop.is_all
  assert {each.value for each in loop.elements.values()} == {'x', 'y'}
  assert sorted(each.dtype for each in loop.elements.values()) == [
    tf.float32.as_datatype_enum,
    tf.int32.as_datatype_enum,
  ]
  assert set(loop.results) == {first.op.name, second.op.name}
  ops = {graph.get_operation_by_name(n).type for n in loop.results.values()}
  assert ops <= {'Mul', 'Add', 'AddV2'} and len(ops) == 2


def test_a_result_that_nobody_needs_is_no_result(graph, inputs):
  first, _ = tf.map_fn(
    lambda each: (each[0] * 2, each[1] + 1), inputs, (tf.float32, tf.int32)
  )
  (loop,) = found(graph, first)
  assert loop.is_all and list(loop.results) == [first.op.name]


def test_a_loop_that_carries_a_sum_is_none(graph, inputs):
  total = tf.scan(lambda total, each: total + each, inputs[0])
  assert found(graph, total) == []


def test_a_loop_that_counts_differently_is_none(graph, inputs):
  doubled = tf.map_fn(lambda each: each * 2, inputs[0])
  graph_def = tf.graph_util.extract_sub_graph(
    graph.as_graph_def(), [doubled.op.name]
  )
  steps = [
    node
    for node in graph_def.node
    if node.name.endswith(('while/add/y', 'while/add_1/y'))
  ]
  assert len(steps) == 2
  for step in steps:
    step.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(2, tf.int32))
  assert list(map_loops.find(graph_def, GraphIndex(graph_def))) == []
