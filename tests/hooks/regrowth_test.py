"""Masks that move at a constant sparsity, in trainings that end and go on."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tiny_model
from recorded_runs import run

from object_detection_pruning import (
  ConstantSchedule,
  ModelPruningHook,
  PolynomialSchedule,
  masked_kernels,
  masking_scope,
)
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import regrowth

SCHEDULE = ConstantSchedule(0.6, 2, 12, 3)
# Of 30 weights 12 are kept.
KEPT = 12
UPDATES = (5, 8, 11, 12)
NOTED = {'gradients': True}


def hook(form, share=0.5, **method):
  return ModelPruningHook.from_schedule(
    SCHEDULE, regrowth=regrowth.find(form, share), **method
  )


@pytest.mark.parametrize('form', ['set', 'rigl'])
@pytest.mark.parametrize('criterion', ['magnitude', 'random'])
def test_number_of_zeros_stays_and_masks_move_at_updates_alone(form, criterion):
  the_hook = hook(form, criterion=criterion)
  way = regrowth.find(form, 0.5)
  states = run(16, [the_hook], **NOTED)
  for step in range(3, 17):
    before, old, _ = states[step - 1]
    new = states[step][1]
    assert new.sum() == KEPT
    number = 0
    if step in UPDATES:
      number = round(KEPT * way.share_at(SCHEDULE.progress(step)))
    grown = (old == 0) & (new == 1)
    dropped = (old == 1) & (new == 0)
    assert grown.sum() == dropped.sum() == number
    if number:
      stayed = (old == 1) & (new == 1)
      assert np.abs(before[dropped]).max() <= np.abs(before[stayed]).min()
  assert the_hook.sparsity == 0.6


def test_first_masks_are_those_of_the_criterion():
  states = run(3, [hook('set')])
  order = np.argsort(np.abs(states[1][0].ravel()))
  assert set(np.flatnonzero(states[2][1])) == set(order[-KEPT:])


@pytest.mark.parametrize('form', ['set', 'rigl'])
def test_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path, form):
  for last_step in (4, 8, 16):
    tiny_model.train(tmp_path / 'parts', last_step, [hook(form)], NOTED)
  tiny_model.train(tmp_path / 'whole', 16, [hook(form)], NOTED)
  parts, whole = map(
    tiny_model.latest, (tmp_path / 'parts', tmp_path / 'whole')
  )
  # Nothing is kept but the masks, the thresholds and the step.
  assert sorted(parts) == sorted(whole)
  for name, value in whole.items():
    np.testing.assert_array_equal(parts[name], value, err_msg=name)


def test_masks_that_are_given_are_kept_until_the_first_move(tmp_path):
  with tf.Graph().as_default():
    tiny_model.build()
    names = [v.op.name for v in tf.global_variables()]
    tensors = {
      v.op.name: np.zeros(v.shape, v.dtype.as_numpy_dtype)
      for v in tf.global_variables()
    }
  assert 'net/mask' in names
  tensors['net/mask'][:2] = 1
  tensors['net/mask'][3, :2] = 1
  given = tensors['net/mask'].copy()
  checkpoints.write(str(tmp_path / 'model.ckpt-0'), tensors)
  checkpoints.name_latest(str(tmp_path / 'model.ckpt-0'))
  tiny_model.train(tmp_path, 4, [hook('set')])
  np.testing.assert_array_equal(tiny_model.latest(tmp_path)['net/mask'], given)
  tiny_model.train(tmp_path, 5, [hook('set')])
  moved = tiny_model.latest(tmp_path)['net/mask']
  assert (moved != given).sum() == KEPT


@pytest.mark.parametrize('allocation', ['erdos_renyi_kernel', 'global'])
def test_each_layer_keeps_the_zeros_that_its_allocation_gave(allocation):
  shapes = {'a': (6, 5), 'b': (12, 10), 'c': (3, 3, 4, 4)}
  the_hook = ModelPruningHook.from_schedule(
    ConstantSchedule(0.8, 1, 9, 2), regrowth='set', allocation=allocation
  )
  with tf.Graph().as_default():
    tf.train.create_global_step()
    with masking_scope():
      for number, (name, shape) in enumerate(shapes.items()):
        start = np.random.RandomState(number).uniform(size=shape)
        tf.get_variable(
          f'{name}/weights', initializer=tf.constant(np.float32(start))
        )
    step = tf.train.get_global_step().assign_add(1)
    masks = [kernel.mask for kernel in masked_kernels()]
    found = []
    with tf.train.MonitoredSession(hooks=[the_hook]) as session:
      for _ in range(9):
        session.run(step)
        found.append(session.run(masks))
  counts = [[int((mask == 0).sum()) for mask in each] for each in found]
  assert len(set(map(tuple, counts))) == 1
  assert sum(counts[0]) == round(0.8 * sum(map(np.prod, shapes.values())))
  assert any((a != b).any() for a, b in zip(found[0], found[-1]))


@pytest.mark.parametrize(
  'schedule, method, words',
  [
    (
      PolynomialSchedule(0.6, 2, 12),
      {},
      'regrowth rigl keeps the sparsity, so the schedule must be CONSTANT',
    ),
    (
      ConstantSchedule(0.5, 2, 12),
      {'granularity': '2:4'},
      'regrowth rigl moves single weights, so granularity must be weight',
    ),
    (
      SCHEDULE,
      {'criterion': 'movement'},
      'it must be magnitude or random, got movement',
    ),
  ],
)
def test_what_does_not_go_together_is_an_error(schedule, method, words):
  with pytest.raises(errors.InputError) as error:
    ModelPruningHook.from_schedule(schedule, regrowth='rigl', **method)
  assert words in str(error.value)


def test_polynomial_schedule_that_does_not_rise_is_constant():
  ModelPruningHook(0.6, 2, 12, initial_sparsity=0.6, regrowth='set')


def test_network_without_noted_gradients_is_an_error():
  with pytest.raises(errors.InputError, match=r'masking_scope\(gradients=True'):
    run(3, [hook('rigl')])
