"""Masks whose weights go on learning, in trainings that end and go on."""

import numpy as np
import pytest
import recorded_runs
import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning import (
  ConstantSchedule,
  ModelPruningHook,
  PolynomialSchedule,
  masked_kernels,
  masking_scope,
)
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import pruning_method
from object_detection_pruning.export import stripping

END = 13
SOFT = {'soft_until': END}
SCHEDULE = PolynomialSchedule(0.77, 3, END, frequency=4)
UPDATES = tiny_model.UPDATES
SHAPE = (6, 5)


def hook(schedule=SCHEDULE, regrowth='soft', **method):
  return ModelPruningHook.from_schedule(schedule, regrowth=regrowth, **method)


class Masked:
  """A kernel that is trained by its masked value alone, without momentum."""

  def __init__(self, soft=True):
    step = tf.train.create_global_step()
    start = np.random.RandomState(0).normal(size=SHAPE).astype(np.float32)
    with masking_scope(**(SOFT if soft else {})):
      product = tf.get_variable('net/weights', initializer=tf.constant(start))
    phase = tf.reshape(tf.range(start.size, dtype=tf.float32), SHAPE)
    target = 2 * tf.sin(tf.cast(step, tf.float32) * 0.7 + phase)
    loss = tf.reduce_sum((product - target) ** 2)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    self.train = optimizer.minimize(loss, step)


def trained(the_hook, soft=True, steps=18):
  """Gives weights, mask and threshold after each step of a run."""
  recorder = recorded_runs.Recorder()
  with tf.Graph().as_default():
    network = Masked(soft=soft)
    with tf.train.MonitoredSession(hooks=[the_hook, recorder]) as session:
      for _ in range(steps):
        session.run(network.train)
  return recorder.states


def moved(states, step):
  """Tells which weights a step has changed."""
  return states[step][0] != states[step - 1][0]


def test_masked_weights_move_until_the_last_update_and_never_if_not_soft():
  soft, hard = trained(hook()), trained(hook(regrowth=None), soft=False)
  for step in range(UPDATES[0], 19):
    for states in (soft, hard):
      assert moved(states, step)[states[step][1] == 1].all()
    assert not moved(hard, step)[hard[step][1] == 0].any()
    masked = moved(soft, step)[soft[step][1] == 0]
    assert masked.all() if step < END else not masked.any()


def test_a_weight_comes_back_with_the_value_that_it_has_learned():
  states = trained(hook())
  returned = 0
  for step in UPDATES:
    weights = np.abs(states[step - 1][0]).ravel()
    zeros = int(round(SCHEDULE.sparsity(step) * 30))
    expected = np.ones(30)
    expected[np.argsort(weights, kind='stable')[:zeros]] = 0
    mask = states[step][1]
    np.testing.assert_array_equal(mask.ravel(), expected)
    back = (states[step - 1][1] == 0) & (mask == 1)
    since = states[max(step - 4, 3)][0]
    assert (states[step - 1][0] != since)[back].all()
    returned += back.sum()
  assert returned > 2
  assert (states[18][1] == 0).sum() == round(0.77 * 30)


@pytest.mark.parametrize('criterion', ['magnitude', 'taylor', 'movement'])
def test_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path, criterion):
  scope = dict(SOFT, criterion=criterion)
  method = {'regrowth': 'soft', 'criterion': criterion}
  for last_step in (5, 9, END - 1, END, 18):
    tiny_model.train(tmp_path / 'parts', last_step, scope=scope, **method)
  tiny_model.train(tmp_path / 'whole', 18, scope=scope, **method)
  parts, whole = map(
    tiny_model.latest, (tmp_path / 'parts', tmp_path / 'whole')
  )
  assert sorted(parts) == sorted(whole)
  for name, value in whole.items():
    np.testing.assert_array_equal(parts[name], value, err_msg=name)


@pytest.mark.parametrize('first, then', [(True, False), (False, True)])
def test_a_run_goes_on_with_it_or_without(tmp_path, first, then):
  for is_soft, last_step in ((first, 9), (then, 18)):
    scope, regrowth = (SOFT, 'soft') if is_soft else ({}, None)
    tiny_model.train(tmp_path, last_step, scope=scope, regrowth=regrowth)
    found = tiny_model.latest(tmp_path)
    # Nothing but the masks and thresholds is kept in either.
    assert sorted(found) == sorted(
      ['global_step', 'net/mask', 'net/threshold', 'net/weights']
      + ['net/weights/Momentum']
    )
    step = SCHEDULE.last_update(last_step)
    zeros = round(30 * SCHEDULE.sparsity(step))
    assert (found['net/mask'] == 0).sum() == zeros


def test_export_has_exact_zeros_and_the_weights_of_the_masks(tmp_path):
  tiny_model.train(tmp_path, 18, scope=SOFT, regrowth='soft')
  found = tiny_model.latest(tmp_path)
  mask = found['net/mask']
  assert found['net/weights'].all()
  stripped = stripping.strip(found).tensors['net/weights']
  np.testing.assert_array_equal(stripped, mask * found['net/weights'])
  assert (stripped == 0).sum() == 23


@pytest.mark.parametrize(
  'schedule, method, zeros',
  [
    (ConstantSchedule(0.5, 3, END, 4), {'granularity': '2:4'}, (48, 16)),
    (SCHEDULE, {'granularity': '2x2'}, (72, 24)),
    (SCHEDULE, {'granularity': 'filter'}, (72, 24)),
    (SCHEDULE, {'allocation': 'erdos_renyi_kernel'}, None),
    (SCHEDULE, {'allocation': 'global'}, None),
  ],
)
def test_patterns_and_allocations_are_exact(schedule, method, zeros):
  with tf.Graph().as_default():
    step = tf.train.create_global_step()
    with masking_scope(**SOFT):
      products = [
        tf.get_variable(
          f'{name}/weights',
          initializer=tf.random.stateless_normal(shape, [number, 1]),
        )
        for number, (name, shape) in enumerate(
          {'a': (12, 8), 'b': (1, 1, 8, 4)}.items()
        )
      ]
    loss = tf.add_n([tf.reduce_sum(tf.sin(3 * each)) for each in products])
    train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss, step)
    masks = [kernel.mask for kernel in masked_kernels()]
    with tf.train.MonitoredSession(hooks=[hook(schedule, **method)]) as session:
      for _ in range(END):
        session.run(train)
      found = session.run(masks)
  counts = tuple(int((mask == 0).sum()) for mask in found)
  if zeros is None:
    assert sum(counts) == round(0.77 * 128)
  else:
    assert counts == zeros


def test_average_of_a_weight_is_that_of_what_it_has_learned():
  with tf.Graph().as_default():
    network = Masked()
    (kernel,) = masked_kernels()
    average = tf.train.ExponentialMovingAverage(0.5)
    with tf.control_dependencies([network.train]):
      update = average.apply([kernel.weights])
    mean = average.average(kernel.weights)
    with tf.train.MonitoredSession(hooks=[hook()]) as session:
      expected = session.run(mean)
      for _ in range(18):
        session.run(update)
        weights, found = session.run([kernel.weights, mean])
        expected = (expected + weights) / 2
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
  'scope, words',
  [
    ({}, r'stops at its mask, .* under masking_scope\(soft_until=13\)'),
    ({'gradients': True}, r'net/masked_weight stops at its mask'),
    (
      {'soft_until': 9},
      'soft_until of masking_scope must be end_step 13, got 9',
    ),
  ],
)
def test_network_that_is_not_soft_until_the_end_is_an_error(scope, words):
  with pytest.raises(errors.InputError, match=words):
    recorded_runs.run(3, [hook()], **scope)


def test_criterion_that_looks_at_no_weight_is_an_error():
  with pytest.raises(errors.InputError) as error:
    pruning_method.PruningMethod(criterion='random', regrowth='soft')
  assert str(error.value) == (
    'regrowth soft lets masks look at what masked weights have learned, and '
    'criterion random looks at no weight: it must be one of magnitude, taylor, '
    'movement'
  )


def test_masks_that_are_given_have_no_fewer_zeros_and_may_move(tmp_path):
  tiny_model.train(tmp_path, 18, scope=SOFT, regrowth='soft')
  found = tiny_model.latest(tmp_path)
  given = found['net/mask']
  found['global_step'] = np.int64(0)
  checkpoints.write(str(tmp_path / 'again' / 'model.ckpt-0'), found)
  checkpoints.name_latest(str(tmp_path / 'again' / 'model.ckpt-0'))
  tiny_model.train(tmp_path / 'again', 8, scope=SOFT, regrowth='soft')
  mask = tiny_model.latest(tmp_path / 'again')['net/mask']
  assert (mask == 0).sum() == (given == 0).sum()
  assert (mask != given).any()
