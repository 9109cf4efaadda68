"""Custom getters of the user, inside and outside of a masking scope."""

import contextlib

import masked_graph
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import masking, widths


def _by_position(getter, name, shape=None, dtype=None, *args, **kwargs):
  return getter(name, shape, dtype, *args, **kwargs)


def _all_by_position(
  getter,
  name,
  shape=None,
  dtype=None,
  initializer=None,
  regularizer=None,
  reuse=None,
  trainable=True,
  collections=None,
  caching_device=None,
  partitioner=None,
  validate_shape=True,
  use_resource=None,
  constraint=None,
  synchronization=tf.VariableSynchronization.AUTO,
  aggregation=tf.VariableAggregation.NONE,
):
  return getter(
    name,
    shape,
    dtype,
    initializer,
    regularizer,
    reuse,
    trainable,
    collections,
    caching_device,
    partitioner,
    validate_shape,
    use_resource,
    constraint,
    synchronization,
    aggregation,
  )


def _cast(getter, name, shape=None, dtype=None, *args, **kwargs):
  weights = getter(name, shape, tf.float32, *args, **kwargs)
  return tf.cast(weights, tf.float16) if kwargs['trainable'] else weights


@contextlib.contextmanager
def _scopes(order, getter, reuse=None):
  with contextlib.ExitStack() as stack:
    for what in order:
      stack.enter_context(
        masking.masking_scope()
        if what == 'mask'
        else tf.variable_scope('net', custom_getter=getter, reuse=reuse)
      )
    yield


def _dense(dtype=tf.float32, **arguments):
  return tf.layers.dense(
    tf.ones([1, 3], dtype), 2, use_bias=False, name='fc', **arguments
  )


def _with_zero_masks(output):
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    before = session.run(output)
    for kernel in masking.masked_kernels():
      masked_graph.set_mask(session, kernel, np.zeros(kernel.shape))
    return before, session.run(output)


@pytest.mark.parametrize('getter', [_by_position, _all_by_position])
@pytest.mark.parametrize('order', [('mask', 'getter'), ('getter', 'mask')])
def test_arguments_by_position_reach_kernel_and_mask(order, getter):
  with _scopes(order, getter):
    output = _dense(kernel_regularizer=lambda kernel: tf.reduce_sum(kernel**2))
  before, after = _with_zero_masks(output)
  assert before.any() and not after.any()
  assert masked_graph.variable_names() == [
    f'net/fc/{name}' for name in ('kernel', 'mask', 'threshold')
  ]
  assert masked_graph.names(tf.GraphKeys.TRAINABLE_VARIABLES) == [
    'net/fc/kernel'
  ]
  assert len(tf.losses.get_regularization_losses()) == 1


@pytest.mark.parametrize('getter', [_by_position, _all_by_position])
def test_arguments_by_position_reach_the_width_getter(getter):
  width = widths.LayerWidth('net/fc', 1, 2)
  with widths.width_scope([width]), _scopes(['getter'], getter):
    _dense()
  (kernel,) = tf.global_variables()
  assert kernel.shape.as_list() == [3, 1]


def test_kernel_is_cast_with_its_mask_inside_the_scope():
  with _scopes(('mask', 'getter'), _cast):
    output = _dense(tf.float16)
  before, after = _with_zero_masks(output)
  assert before.any() and not after.any()


def test_kernel_that_was_cast_before_its_mask_is_refused():
  with pytest.raises(errors.InputError) as error, _scopes(
    ('getter', 'mask'), _cast
  ):
    _dense(tf.float16)
  assert str(error.value).startswith(
    'kernel net/fc/kernel comes out of another custom getter as a tensor: '
    'put masking_scope outside of it'
  )


def test_excluded_kernel_may_be_cast():
  with tf.variable_scope('net', custom_getter=_cast), masking.masking_scope(
    exclude=['fc']
  ):
    assert _dense(tf.float16).dtype == tf.float16
  assert masked_graph.masked_layers() == []


def test_masked_kernel_may_be_cast_between_two_scopes():
  with _scopes(('mask', 'getter', 'mask'), _cast):
    output = _dense(tf.float16)
  before, after = _with_zero_masks(output)
  assert before.any() and not after.any()


def test_masked_kernel_that_is_cast_raw_elsewhere_is_refused():
  with _scopes(('mask', 'getter'), _cast):
    _dense(tf.float16)
  with pytest.raises(errors.InputError, match='as a tensor'), tf.variable_scope(
    'net', custom_getter=_cast, reuse=True
  ), masking.masking_scope(include=['other']):
    _dense(tf.float16)


def _averages_of(averages):
  def getter(getter, name, *args, **kwargs):
    weights = getter(name, *args, **kwargs)
    average = averages.average(weights)
    return weights if average is None else average

  return getter


def _averaged(order, variables):
  """A network, and one of its moving averages."""
  with _scopes(('mask', 'getter'), None):
    output = _dense()
  averages = tf.train.ExponentialMovingAverage(0.5, name='smooth')
  update = averages.apply(variables())
  with _scopes(order, _averages_of(averages), reuse=True):
    return output, update, _dense()


@pytest.mark.parametrize(
  'variables', [tf.trainable_variables, tf.global_variables]
)
def test_average_is_masked_by_the_mask_of_its_kernel(variables):
  output, update, average = _averaged(('getter', 'mask'), variables)
  (kernel,) = masking.masked_kernels()
  assert kernel.weights.op.name == 'net/fc/kernel'
  assert len(masked_graph.masked_layers()) == 1
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    first = session.run(kernel.weights)
    session.run(kernel.weights.assign(first + 2))
    session.run(update)
    mask = np.float32([[1, 0], [0, 0], [1, 1]])
    masked_graph.set_mask(session, kernel, mask)
    raw, smooth = session.run([output, average])
  np.testing.assert_allclose(raw[0], (mask * (first + 2)).sum(0), rtol=1e-5)
  np.testing.assert_allclose(smooth[0], (mask * (first + 1)).sum(0), rtol=1e-5)


def test_network_is_built_again_beside_its_averages():
  with _scopes(('mask', 'getter'), None):
    first = _dense()
  tf.train.ExponentialMovingAverage(0.5).apply(tf.trainable_variables())
  with _scopes(('mask', 'getter'), None, reuse=True):
    second = _dense()
  before, after = _with_zero_masks([first, second])
  assert np.equal(*before).all() and before[0].any()
  assert not np.any(after)


def test_average_that_takes_the_place_of_a_masked_kernel_is_refused():
  with pytest.raises(
    errors.InputError, match='^kernel net/fc/kernel is masked where its moving'
  ):
    _averaged(('mask', 'getter'), tf.trainable_variables)


def test_kernel_without_an_average_stays_masked_under_their_getter():
  def others():
    return [tf.get_variable('other', [2])]

  output, _, same = _averaged(('mask', 'getter'), others)
  before, after = _with_zero_masks([output, same])
  assert np.equal(*before).all() and before[0].any()
  assert not np.any(after)


def test_average_of_a_kernel_without_a_mask_is_refused():
  with tf.variable_scope('net'):
    _dense()
  averages = tf.train.ExponentialMovingAverage(0.5)
  averages.apply(tf.trainable_variables())
  with pytest.raises(
    errors.InputError,
    match='has no mask, and comes as .*/ExponentialMovingAverage, ',
  ), _scopes(('getter', 'mask'), _averages_of(averages), tf.AUTO_REUSE):
    _dense()


def test_renamed_kernel_is_masked_beside_its_variable():
  def renamed(getter, name, *args, **kwargs):
    return getter(name.replace('fc', 'target'), *args, **kwargs)

  with _scopes(('mask', 'getter'), None):
    first = _dense()
  with _scopes(('getter', 'mask'), renamed):
    second = _dense()
  assert masked_graph.masked_layers() == ['net/fc', 'net/target']
  before, after = _with_zero_masks([first, second])
  assert np.all(before) and not np.any(after)
  assert 'net/target/mask' in masked_graph.variable_names()
