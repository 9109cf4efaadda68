"""Tables whose rows are looked up, with their masks and past them."""

import masked_graph
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import masking, pruner

_SHAPE = [50, 3]


@pytest.fixture(params=[False, True], ids=['reference', 'resource'])
def table(request):
  with tf.variable_scope(
    'emb', use_resource=request.param
  ), masking.masking_scope():
    return tf.get_variable('weights', _SHAPE)


def _sparse_ids():
  return tf.SparseTensor(
    [[0, 0], [1, 0]], tf.constant([1, 2], tf.int64), [2, 1]
  )


def _loss_of_some_classes(function):
  return lambda table: function(
    table,
    tf.zeros(_SHAPE[:1]),
    tf.constant([[1], [2]], tf.int64),
    tf.ones([2, _SHAPE[1]]),
    4,
    _SHAPE[0],
  )


@pytest.mark.parametrize(
  'look_up',
  [
    lambda table: tf.nn.embedding_lookup(table, [1, 2]),
    lambda table: tf.nn.embedding_lookup(table, [1, 2], max_norm=1.0),
    lambda table: tf.nn.embedding_lookup_sparse(table, _sparse_ids(), None),
    lambda table: tf.nn.safe_embedding_lookup_sparse(table, _sparse_ids()),
    _loss_of_some_classes(tf.nn.sampled_softmax_loss),
    _loss_of_some_classes(tf.nn.nce_loss),
    lambda table: tf.while_loop(
      lambda i: i < 2.0,
      lambda i: i + 1 + tf.reduce_sum(tf.nn.embedding_lookup(table, [1])) ** 2,
      [0.0],
    ),
  ],
  ids=[
    'dense',
    'bounded',
    'sparse',
    'safe',
    'sampled_softmax',
    'nce',
    'loop',
  ],
)
def test_lookup_past_the_mask_is_refused(table, look_up):
  learn_from(look_up(table))
  with pytest.raises(
    errors.InputError, match='^kernel emb/weights is looked up without its mask'
  ):
    pruner.Pruner(masking.masked_kernels())


def learn_from(value):
  tf.gradients(value, tf.trainable_variables())


def test_lookup_that_nothing_is_learned_from_does_no_harm(table):
  (kernel,) = masking.masked_kernels()
  tf.summary.scalar('row', tf.reduce_sum(tf.gather(kernel.weights, [1])))
  learn_from(tf.gather(table, [1, 2]))
  pruner.Pruner([kernel])


def test_table_that_is_multiplied_as_well_is_refused(table):
  rows = tf.nn.embedding_lookup(table, [1, 2])
  learn_from(tf.matmul(rows, table, transpose_b=True))
  with pytest.raises(errors.InputError, match='looked up without its mask'):
    pruner.Pruner(masking.masked_kernels())


def test_linear_model_of_ids_is_refused():
  column = tf.feature_column.categorical_column_with_identity('id', 10)
  with masking.masking_scope():
    ids = {'id': tf.constant([[1], [2]])}
    learn_from(tf.feature_column.linear_model(ids, [column], 3))
  with pytest.raises(
    errors.InputError, match='linear_model/id/weights is look'
  ):
    pruner.Pruner(masking.masked_kernels())


@pytest.mark.parametrize(
  'optimizer',
  [
    tf.train.GradientDescentOptimizer,
    tf.train.AdamOptimizer,
    tf.train.AdagradOptimizer,
    tf.train.RMSPropOptimizer,
    tf.train.FtrlOptimizer,
    lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
  ],
)
def test_gather_takes_the_masked_rows_and_trains(table, optimizer):
  rows = tf.gather(table, [1, 2])
  loss = tf.reduce_sum((tf.matmul(rows, table, transpose_b=True) - 1) ** 2)
  train_op = optimizer(0.1).minimize(loss)
  (kernel,) = masking.masked_kernels()
  the_pruner = pruner.Pruner([kernel])
  # A second one, as of two hooks, finds the ops of the first.
  pruner.Pruner([kernel])
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    the_pruner.update(session, [50])
    session.run(train_op)
    masked_graph.set_mask(session, kernel, np.zeros(_SHAPE))
    assert not session.run(rows).any()
