"""Pruning under a strategy that trains copies of a model side by side."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning import ModelPruningHook, masking_scope

_CPUS = ['/cpu:0', '/cpu:1']
_STEPS = 6


def _trained(model_dir, strategy, criterion='magnitude', regrowth=None):
  """Gives the variables of a model after a run under a strategy."""

  def model_fn(features, labels, mode):
    end = 4 if regrowth else None
    with masking_scope(criterion=criterion, soft_until=end):
      # A layer that is used twice, in each replica.
      for reuse in (False, True):
        features = tf.layers.dense(
          features,
          4,
          kernel_initializer=_initial(4, 4),
          name='a',
          reuse=reuse,
        )
      logits = tf.layers.dense(
        features, 3, kernel_initializer=_initial(4, 3), name='b'
      )
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    train_op = optimizer.minimize(loss, tf.train.get_global_step())
    hook = ModelPruningHook(
      0.5, 2, 4, frequency=1, criterion=criterion, regrowth=regrowth
    )
    return tf.estimator.EstimatorSpec(
      mode, loss=loss, train_op=train_op, training_hooks=[hook]
    )

  session_config = tf.ConfigProto(
    device_count={'CPU': 2}, allow_soft_placement=True
  )
  estimator = tf.estimator.Estimator(
    model_fn,
    str(model_dir),
    tf.estimator.RunConfig(
      train_distribute=strategy, session_config=session_config
    ),
  )
  estimator.train(_input_fn, max_steps=_STEPS)
  return {
    name: estimator.get_variable_value(name)
    for name in estimator.get_variable_names()
  }


def _initial(*shape):
  values = np.random.RandomState(0).normal(size=shape)
  return tf.constant_initializer(values.astype(np.float32))


def _input_fn():
  features = np.random.RandomState(1).normal(size=[8, 4]).astype(np.float32)
  labels = np.arange(8, dtype=np.int32) % 3
  return tf.data.Dataset.from_tensors((features, labels)).repeat()


@pytest.mark.parametrize(
  'replicas, criterion',
  [(1, 'magnitude'), (2, 'magnitude'), (1, 'movement')],
)
def test_replicas_of_one_batch_train_and_prune_as_without_a_strategy(
  tmp_path, replicas, criterion
):
  alone = _trained(tmp_path / 'alone', None, criterion)
  strategy = tf.distribute.MirroredStrategy(_CPUS[:replicas])
  together = _trained(tmp_path / 'together', strategy, criterion)
  assert sorted(together) == sorted(alone)
  assert (alone['a/mask'] == 0).mean() == (alone['b/mask'] == 0).mean() == 0.5
  for name, values in alone.items():
    np.testing.assert_allclose(
      together[name], values, rtol=1e-4, atol=1e-6, err_msg=name
    )


@pytest.mark.parametrize('replicas', [1, 2])
def test_replicas_train_soft_masks_as_without_a_strategy(tmp_path, replicas):
  hard = _trained(tmp_path / 'hard', None)
  alone = _trained(tmp_path / 'alone', None, regrowth='soft')
  strategy = tf.distribute.MirroredStrategy(_CPUS[:replicas])
  together = _trained(tmp_path / 'together', strategy, regrowth='soft')
  assert not np.allclose(alone['a/kernel'], hard['a/kernel'])
  for name, values in alone.items():
    np.testing.assert_allclose(
      together[name], values, rtol=1e-4, atol=1e-6, err_msg=name
    )


def test_scores_of_replicas_are_not_gathered(tmp_path):
  strategy = tf.distribute.MirroredStrategy(_CPUS)
  # TensorFlow 2 wraps what a model function raises under a strategy.
  with pytest.raises(Exception, match='kernel a/kernel is used in .* replica'):
    _trained(tmp_path, strategy, 'movement')
