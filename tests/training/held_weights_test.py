"""Weights of a teacher in sessions, replicas and clusters."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tiny_teacher

from object_detection_pruning.graphs import graph_index
from object_detection_pruning.training import held_weights


class _Abort(tf.train.SessionRunHook):
  """Ends a session once, as a server of a cluster that is gone does."""

  def __init__(self):
    self.sessions = 0

  def after_create_session(self, session, coord):
    self.sessions += 1

  def after_run(self, run_context, run_values):
    if self.sessions == 1:
      raise tf.errors.AbortedError(None, None, 'gone')


def test_a_session_that_is_made_again_has_the_weights_again():
  hook = _Abort()
  with tf.Graph().as_default():
    answer = tiny_teacher.predicted()
    tf.train.create_global_step()
    with tf.train.MonitoredTrainingSession(hooks=[hook]) as session:
      tiny_teacher.check(session.run(answer))
  assert hook.sessions == 2


def test_only_large_constants_that_are_read_are_taken():
  with tf.Graph().as_default() as graph:
    large, small = np.ones([300], np.float32), np.ones([3], np.float32)
    tf.identity(tf.constant(large, name='large'))
    tf.identity(tf.constant(small, name='small'))
    tf.constant(large, name='unread')
    tf.identity(tf.constant(['text' * 500], name='text'))
  graph_def = graph_index.GraphDef()
  graph_def.CopyFrom(graph.as_graph_def())
  values = held_weights.take(graph_def)
  assert list(values) == ['large']
  np.testing.assert_array_equal(values['large'], large)
  left = {node.name for node in graph_def.node}
  assert {'small', 'text'} <= left
  assert not {'large', 'unread'} & left


@pytest.mark.parametrize('replicas', [None, 1, 2])
def test_each_replica_of_a_strategy_has_the_weights(tmp_path, replicas):
  made = []

  def model_fn(features, labels, mode):
    del features, labels
    made.append(tiny_teacher.predicted())
    weights = tf.get_variable('w', [4], initializer=tf.zeros_initializer())
    loss = tf.reduce_sum((weights - made[-1]) ** 2)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    train_op = optimizer.minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

  cpus = ['/cpu:0', '/cpu:1'][:replicas]
  strategy = tf.distribute.MirroredStrategy(cpus) if replicas else None
  config = tf.estimator.RunConfig(
    train_distribute=strategy,
    session_config=tf.ConfigProto(
      device_count={'CPU': 2}, allow_soft_placement=True
    ),
  )
  estimator = tf.estimator.Estimator(model_fn, str(tmp_path), config)
  # The gradients of replicas are added.
  steps = 1 if replicas in (None, 1) else 2
  for _ in range(steps):
    estimator.train(_input_fn, steps=1)
  assert sorted(estimator.get_variable_names()) == ['global_step', 'w']
  assert len(made) == (replicas or 1) * steps
  learned = estimator.get_variable_value('w')
  if steps == 1:
    tiny_teacher.check(learned)
  for written in tmp_path.iterdir():
    assert written.stat().st_size < tiny_teacher.SIZE, written


def _input_fn():
  return tf.data.Dataset.from_tensors((np.zeros(1), np.zeros(1))).repeat()
