import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import masking, schedules, summaries


@pytest.fixture
def kernels():
  """Two masked kernels of 12 and 8 weights; 5 weights are not masked."""
  x = tf.zeros([1, 2, 2, 3])
  with masking.masking_scope(exclude=['head']):
    x = slim.conv2d(x, 4, 1, scope='net/a')
    x = slim.conv2d(x, 2, 1, scope='net/b')
    slim.fully_connected(tf.zeros([1, 5]), 1, scope='head')
  return masking.masked_kernels()


def prune(session, kernels):
  """Cuts 3 of 12 and 6 of 8 weights."""
  session.run(tf.global_variables_initializer())
  for kernel, zeros in zip(kernels, (3, 6)):
    mask = np.ones(kernel.size, np.float32)
    mask[:zeros] = 0
    session.run(kernel.mask.assign(mask.reshape(kernel.mask.shape.as_list())))
    session.run(kernel.threshold.assign(zeros / 10))


def test_measures_sparsity_of_masked_and_of_all_kernels(kernels):
  tensors = summaries.sparsity_tensors(kernels)
  with tf.Session() as session:
    prune(session, kernels)
    assert session.run(tensors) == {
      'pruning/sparsity_of_masked_kernels': pytest.approx(9 / 20),
      'pruning/sparsity_of_all_kernels': pytest.approx(9 / 25),
    }


def read(session):
  summary = tf.Summary.FromString(session.run(tf.summary.merge_all()))
  return {value.tag: value.simple_value for value in summary.value}


def test_training_summaries_show_schedule_measure_and_every_layer(kernels):
  step = tf.constant(5, tf.int64)
  schedule = schedules.PolynomialSchedule(0.8, 0, 10, exponent=1)
  summaries.add_training_summaries(kernels, schedule.sparsity_tensor(step))
  with tf.Session() as session:
    prune(session, kernels)
    assert read(session) == pytest.approx(
      {
        'pruning/sparsity_of_masked_kernels': 9 / 20,
        'pruning/sparsity_of_all_kernels': 9 / 25,
        'pruning/scheduled_sparsity': 0.4,
        'sparsity/net/a': 3 / 12,
        'sparsity/net/b': 6 / 8,
        'threshold/net/a': 0.3,
        'threshold/net/b': 0.6,
      }
    )


def test_no_scheduled_sparsity_where_masks_do_not_change(kernels):
  summaries.add_training_summaries(kernels)
  with tf.Session() as session:
    prune(session, kernels)
    tags = read(session)
  assert 'pruning/scheduled_sparsity' not in tags
  assert tags['sparsity/net/b'] == 0.75
