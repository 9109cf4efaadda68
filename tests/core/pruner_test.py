import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.common import errors
from object_detection_pruning.core import masking, pruner


@pytest.fixture
def kernels():
  with masking.masking_scope():
    x = slim.conv2d(tf.zeros([1, 4, 4, 3]), 5, 3, scope='a')
    slim.conv2d(x, 7, 1, scope='b')
  return masking.masked_kernels()


def test_cuts_exactly_as_many_as_asked_in_each_kernel(kernels):
  the_pruner = pruner.Pruner(kernels)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for zeros in ([0, 0], [1, 34], [135, 35], [67, 0]):
      the_pruner.update(session, zeros)
      assert the_pruner.measure(session) == zeros
      masks = session.run([kernel.mask for kernel in kernels])
      assert [int((mask == 0).sum()) for mask in masks] == zeros


def test_cuts_the_least_magnitudes_and_keeps_the_weights(kernels):
  the_pruner = pruner.Pruner(kernels)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    before = session.run([kernel.weights for kernel in kernels])
    the_pruner.update(session, [100, 20])
    after = session.run([kernel.weights for kernel in kernels])
    masks = session.run([kernel.mask for kernel in kernels])
    thresholds = session.run([kernel.threshold for kernel in kernels])
    masked = session.run([kernel.masked_weight for kernel in kernels])
  for old, new, mask, threshold, product in zip(
    before, after, masks, thresholds, masked
  ):
    np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(mask, np.abs(new) > threshold)
    np.testing.assert_array_equal(product, mask * new)
    assert threshold == np.abs(new[mask == 0]).max()


def test_pruned_weights_come_back_when_fewer_are_asked_for(kernels):
  the_pruner = pruner.Pruner(kernels)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    the_pruner.update(session, [100, 20])
    session.run(kernels[1].weights.assign(100 * tf.ones([1, 1, 5, 7])))
    the_pruner.update(session, [50, 0])
    assert the_pruner.measure(session) == [50, 0]


def test_zeros_are_the_rounded_share_of_each_kernel(kernels):
  the_pruner = pruner.Pruner(kernels)
  assert [kernel.size for kernel in kernels] == [135, 35]
  assert the_pruner.zeros_for([0.85, 0.5]) == [115, 18]
  assert the_pruner.overall_sparsity([115, 18]) == pytest.approx(133 / 170)


def test_makes_no_variable(kernels):
  before = tf.global_variables() + tf.local_variables()
  pruner.Pruner(kernels)
  assert tf.global_variables() + tf.local_variables() == before


def test_nothing_to_prune_is_an_error():
  with pytest.raises(errors.InputError, match='no layer is masked'):
    pruner.Pruner([])


def test_resource_variables_are_pruned():
  with tf.variable_scope('', use_resource=True), masking.masking_scope():
    slim.conv2d(tf.zeros([1, 4, 4, 3]), 5, 3, scope='a')
  the_pruner = pruner.Pruner(masking.masked_kernels())
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    the_pruner.update(session, [99])
    assert the_pruner.measure(session) == [99]


def test_works_where_each_kernel_lives():
  with tf.device('/job:ps/task:1'), masking.masking_scope():
    slim.conv2d(tf.zeros([1, 4, 4, 3]), 5, 3, scope='a')
  existing = set(tf.get_default_graph().get_operations())
  pruner.Pruner(masking.masked_kernels())
  heavy = [
    op
    for op in tf.get_default_graph().get_operations()
    if op not in existing and op.type in ('Bincount', 'Assign', 'Sum', 'Where')
  ]
  assert len(heavy) > 5
  assert {op.device for op in heavy} == {'/job:ps/task:1'}
