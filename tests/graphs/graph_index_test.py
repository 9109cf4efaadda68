import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import graph_index


@pytest.fixture
def index():
  with tf.Graph().as_default() as graph:
    value = tf.constant([1.0, 2.0], name='value')
    seen = tf.identity(tf.identity(value, name='once'), name='twice')
    fed = tf.placeholder(tf.float32, [2], name='fed')
    with tf.control_dependencies([fed]):
      tf.identity(value, name='waiting')
    tf.add(fed, seen, name='sum')
    tf.split(fed, 2, name='halves')
  return graph_index.GraphIndex(graph.as_graph_def())


@pytest.mark.parametrize(
  ('reference', 'name', 'number', 'is_control'),
  [('a', 'a', 0, False), ('a:1', 'a', 1, False), ('^a/b', 'a/b', 0, True)],
)
def test_references_are_taken_apart(reference, name, number, is_control):
  assert graph_index.node_name(reference) == name
  assert graph_index.output_number(reference) == number
  assert graph_index.is_control(reference) == is_control


def test_attribute_that_is_left_out_has_the_default_of_its_op():
  node = tf.NodeDef(name='norm', op='FusedBatchNorm')
  assert graph_index.attribute(node, 'is_training').b
  assert graph_index.attribute(node, 'epsilon').f == pytest.approx(1e-4)
  # No default, no such attribute, no such op.
  for op, name in (('Cast', 'DstT'), ('Cast', 'none'), ('NoSuchOp', 'T')):
    empty = graph_index.attribute(tf.NodeDef(name='n', op=op), name)
    assert empty.WhichOneof('value') is None
  assert not node.attr


def test_a_constant_is_seen_through_identities(index):
  np.testing.assert_array_equal(index.constant('twice'), [1, 2])
  assert index.constant_node('twice').name == 'value'


def test_what_waits_for_another_node_or_is_fed_is_no_constant(index):
  assert index.constant('waiting') is None
  assert index.constant('fed') is None


def test_only_first_outputs_have_a_producer(index):
  assert index.producer('halves:0').name == 'halves'
  assert index.producer('halves:1') is None
  assert index.producer('gone') is None


def test_consumers_are_those_of_any_output_and_those_that_wait(index):
  consumers = index.consumers(index.nodes['fed'])
  assert sorted(node.name for node in consumers) == ['halves', 'sum', 'waiting']


def test_shapes_are_inferred(index):
  assert index.static_shape('halves') == [1]


def test_nodes_are_removed_in_place(index):
  graph_def = tf.GraphDef()
  graph_def.node.extend(index.nodes.values())
  graph_index.remove_nodes(graph_def, {'sum', 'halves'})
  left = {node.name for node in graph_def.node}
  assert set(index.nodes) - left == {'sum', 'halves'}


def test_colocations_with_nodes_that_are_gone_are_dropped():
  node = tf.NodeDef(name='a')
  wishes = [b'loc:@gone', b'loc:@there', b'other']
  node.attr['_class'].list.s.extend(wishes)
  graph_index.drop_colocations(node, lambda name: name == 'gone')
  assert list(node.attr['_class'].list.s) == wishes[1:]


def test_a_node_without_colocations_keeps_none():
  last = tf.NodeDef(name='a')
  last.attr['_class'].list.s.append(b'loc:@gone')
  graph_index.drop_colocations(last, lambda name: True)
  plain = tf.NodeDef(name='a')
  graph_index.drop_colocations(plain, lambda name: True)
  assert last == plain
