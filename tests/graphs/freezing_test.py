import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import freezing, subgraphs

START = np.float32([[1, 2], [3, 4]])


def freeze(outputs):
  """Freezes the default graph; gives the graph, and what a session computes."""
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    values = session.run({v.op.name: v for v in tf.global_variables()})
    expected = session.run([f'{name}:0' for name in outputs])
  graph_def = tf.get_default_graph().as_graph_def()
  extracted = subgraphs.extract(graph_def, outputs)
  freezing.freeze(extracted, values.__getitem__)
  return extracted, expected


def assert_freezes(outputs):
  frozen, expected = freeze(outputs)
  assert freezing.variables(frozen) == []
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(frozen, name='')
    found = session.run([f'{name}:0' for name in outputs])
  for got, wanted in zip(found, expected):
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize('use_resource', [False, True])
def test_variables_in_loops_and_conditions_become_constants(use_resource):
  w = tf.get_variable('w', initializer=START, use_resource=use_resource)
  flag = tf.get_variable('flag', initializer=True, use_resource=use_resource)
  _, looped = tf.while_loop(
    lambda i, x: i < 3, lambda i, x: (i + 1, tf.matmul(x, w)), [0, START]
  )
  chosen = tf.cond(flag, lambda: w * looped, lambda: w)
  tf.identity(chosen, 'output')
  assert_freezes(['output'])


def test_reference_that_a_condition_passes_on_becomes_a_value():
  w = tf.get_variable('w', initializer=START)
  switched = tf.raw_ops.RefSwitch(data=w._ref(), pred=tf.constant(True))
  tf.identity(switched[1], 'output')
  assert_freezes(['output'])


def test_writing_is_refused():
  w = tf.get_variable('w', initializer=START)
  tf.identity(tf.assign_add(w, START, name='add'), 'output')
  with pytest.raises(errors.InputError, match='add, which .* writes the varia'):
    freeze(['output'])


def test_reading_parts_of_a_resource_is_refused():
  w = tf.get_variable('w', initializer=START, use_resource=True)
  tf.identity(tf.gather(w, [0]), 'output')
  with pytest.raises(errors.InputError, match=r'\(ResourceGather\) reads'):
    freeze(['output'])


def test_value_of_another_shape_is_refused():
  tf.get_variable('w', initializer=START)
  graph_def = tf.get_default_graph().as_graph_def()
  graph_def = subgraphs.extract(graph_def, ['w/read'])
  with pytest.raises(errors.InputError, match=r'w is \(2, 2\) in the graph an'):
    freezing.freeze(graph_def, lambda name: np.zeros([3], 'f'))
