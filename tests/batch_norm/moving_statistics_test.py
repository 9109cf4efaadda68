import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.batch_norm import moving_statistics

IN_PLACE = None
COLLECTED = tf.GraphKeys.UPDATE_OPS


def normalized(x, scope, **kwargs):
  kwargs.setdefault('is_training', True)
  return slim.batch_norm(x, scope=scope, **kwargs)


def names(statistics):
  return [statistic.variable.op.name for statistic in statistics]


@pytest.mark.parametrize('fused', [False, True])
@pytest.mark.parametrize('updates', [IN_PLACE, COLLECTED])
def test_finds_statistics_their_batch_values_and_decay(fused, updates):
  x = tf.placeholder(tf.float32, [4, 3, 3, 2])
  y = normalized(x, 'bn', decay=0.97, fused=fused, updates_collections=updates)
  statistics = moving_statistics.trained_statistics()
  assert names(statistics) == ['bn/moving_mean', 'bn/moving_variance']
  assert [s.decay for s in statistics] == [pytest.approx(0.97)] * 2
  images = np.random.RandomState(0).normal(3, 2, [4, 3, 3, 2])
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    ((mean,), (variance,)), _ = session.run(
      [[s.batch_values for s in statistics], y], {x: images}
    )
  np.testing.assert_allclose(mean, images.mean((0, 1, 2)), rtol=1e-4)
  # The fused op gives the estimate of the population's variance.
  np.testing.assert_allclose(
    variance, images.var((0, 1, 2), ddof=int(fused)), rtol=1e-4
  )


def test_layers_of_tf_layers_are_found():
  tf.layers.batch_normalization(
    tf.zeros([2, 3, 3, 2]), training=True, momentum=0.9, name='bn'
  )
  statistics = moving_statistics.trained_statistics()
  assert names(statistics) == ['bn/moving_mean', 'bn/moving_variance']
  assert statistics[0].decay == pytest.approx(0.9)


def test_frozen_statistics_are_told_apart():
  x = tf.zeros([2, 3, 3, 2])
  normalized(x, 'trained')
  normalized(x, 'frozen', is_training=False)
  trained = moving_statistics.trained_statistics()
  assert {name.split('/')[0] for name in names(trained)} == {'trained'}
  frozen = moving_statistics.frozen_statistics(trained)
  assert [v.op.name for v in frozen] == [
    'frozen/moving_mean',
    'frozen/moving_variance',
  ]


def test_layer_that_is_used_twice_has_a_batch_value_for_each_use():
  a, b = tf.constant([[1.0], [3.0]]), tf.constant([[10.0], [20.0]])
  normalized(a, 'bn')
  normalized(b, 'bn', reuse=True)
  mean, _ = moving_statistics.trained_statistics()
  averages = moving_statistics.Averages([mean])
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    averages.add(session.run(averages.fetches))
  assert averages.result()['bn/moving_mean'] == pytest.approx([8.5])


def test_other_moving_variables_are_passed_by():
  variable = tf.get_variable('moving_mean', [2])
  tf.assign_sub(variable, tf.ones([2]))
  other = tf.get_variable('ema', [2])
  tf.assign_sub(other, (other - tf.ones([2])) * 0.1)
  assert moving_statistics.trained_statistics() == []


def test_memory_is_that_of_the_slowest():
  x = tf.zeros([2, 3, 3, 2])
  assert moving_statistics.memory(moving_statistics.trained_statistics()) == 0
  normalized(x, 'fast', decay=0.9)
  assert moving_statistics.memory(moving_statistics.trained_statistics()) == 10
  normalized(x, 'slow', decay=0.9997)
  assert moving_statistics.memory(
    moving_statistics.trained_statistics()
  ) == pytest.approx(3333, abs=2)


def test_averages_many_batches_without_losing_digits():
  x = tf.placeholder(tf.float32, [8, 1, 1, 3])
  normalized(x, 'bn')
  averages = moving_statistics.Averages(moving_statistics.trained_statistics())
  rng = np.random.RandomState(0)
  batches = [rng.normal(1000, 1, [8, 1, 1, 3]) for _ in range(50)]
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for batch in batches:
      averages.add(session.run(averages.fetches, {x: batch}))
  means = [batch.astype(np.float32).mean((0, 1, 2)) for batch in batches]
  result = averages.result()
  assert result['bn/moving_mean'].dtype == np.float32
  np.testing.assert_allclose(
    result['bn/moving_mean'], np.mean(means, axis=0), rtol=2e-7
  )
