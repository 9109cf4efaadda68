import logging
import os

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
from object_detection_pruning.common import errors
from object_detection_pruning.core import allocation, pruner

SIZE = 30


def cut(weights, zeros):
  """The mask that NumPy cuts."""
  mask = np.ones(weights.size, np.float32)
  mask[np.argsort(np.abs(weights.ravel()), kind='stable')[:zeros]] = 0
  return mask.reshape(weights.shape)


def zeros_by_step(states):
  return [int((states[step][1] == 0).sum()) for step in sorted(states)]


def test_masks_are_exact_at_every_step():
  hook = ModelPruningHook(**tiny_model.WINDOW)
  schedule = PolynomialSchedule(0.77, 3, 13, 0.0, 4)
  states = run(16, [hook])
  expected = np.ones(tiny_model.SHAPE, np.float32)
  came_back = 0
  for step in range(1, 17):
    _, mask, threshold = states[step]
    before = states[step - 1][0]
    if step in tiny_model.UPDATES:
      zeros = int(round(schedule.sparsity(step) * SIZE))
      old, expected = expected, cut(before, zeros)
      came_back += ((old == 0) & (expected == 1)).sum()
      assert threshold == (np.abs(before[expected == 0]).max() if zeros else 0)
    np.testing.assert_array_equal(mask, expected)
  assert zeros_by_step(states)[-1] == 23
  assert hook.sparsity == 23 / 30
  # Else a hook that only ever adds zeros would pass.
  assert came_back > 0


def test_first_update_is_at_start_and_the_last_at_an_end_off_the_grid():
  states = run(16, [ModelPruningHook(0.5, 3, 13, 0.2, 4, exponent=1)])
  zeros = zeros_by_step(states)
  changes = [step for step in range(1, 17) if zeros[step] != zeros[step - 1]]
  assert changes == [3, 7, 11, 13]
  assert (zeros[3], zeros[-1]) == (6, 15)


def test_update_at_step_zero_is_there_before_the_first_gradient():
  states = run(2, [ModelPruningHook(0.5, 0, 5, 0.3)])
  assert zeros_by_step(states) == [9, 9, 9]
  np.testing.assert_array_equal(states[0][1], cut(states[0][0], 9))


def test_constant_schedule_cuts_anew_at_every_update():
  hook = ModelPruningHook.from_schedule(ConstantSchedule(0.5, 2, 9, 3))
  states = run(12, [hook])
  assert zeros_by_step(states) == [0, 0] + [15] * 11
  for step in range(3, 13):
    changed = (states[step][1] != states[step - 1][1]).any()
    assert not changed or step in (5, 8, 9)
  np.testing.assert_array_equal(states[9][1], cut(states[8][0], 15))


def test_layer_has_a_target_of_its_own():
  layers = [allocation.LayerSparsity('net', 0.4)]
  hook = ModelPruningHook(0.9, 1, 4, layer_sparsities=layers)
  assert zeros_by_step(run(5, [hook]))[-1] == 12


def test_global_allocation_cuts_the_lowest_of_all_kernels_at_each_update():
  hook = ModelPruningHook(0.5, 1, 3, frequency=1, allocation='global')
  with tf.Graph().as_default():
    tf.train.create_global_step()
    with masking_scope():
      for name, scale in (('a', 1.0), ('b', 3.0)):
        start = scale * np.random.RandomState(0).uniform(size=(6, 5))
        tf.get_variable(
          f'{name}/weights', initializer=tf.constant(np.float32(start))
        )
    step = tf.train.get_global_step().assign_add(1)
    kernels = masked_kernels()
    with tf.train.MonitoredSession(hooks=[hook]) as session:
      for _ in range(3):
        session.run(step)
      weights, masks = session.run(
        [[k.weights for k in kernels], [k.mask for k in kernels]]
      )
  assert hook.sparsity == 0.5
  everything = np.concatenate([each.ravel() for each in weights])
  median = np.sort(everything)[29]
  for values, mask in zip(weights, masks):
    np.testing.assert_array_equal(mask, values > median)


def test_what_does_not_go_together_is_an_error_at_once():
  with pytest.raises(errors.InputError, match='must be 0.5 with granularity'):
    ModelPruningHook(0.6, 1, 2, granularity='2:4')
  with pytest.raises(errors.InputError, match='ranks single weights'):
    ModelPruningHook(0.6, 1, 2, granularity='2x2', allocation='global')


def test_makes_no_variables():
  with tf.Graph().as_default():
    tiny_model.build()
    before = [v.name for v in tf.global_variables() + tf.local_variables()]
    ModelPruningHook(**tiny_model.WINDOW).begin()
    after = [v.name for v in tf.global_variables() + tf.local_variables()]
  assert after == before


def test_costs_no_session_run_when_nothing_is_due(monkeypatch):
  runs = []
  original = tf.Session.run

  def counted(self, fetches, *args, **kwargs):
    runs.append(fetches)
    return original(self, fetches, *args, **kwargs)

  with tf.Graph().as_default():
    _, train_op = tiny_model.build()
    hook = ModelPruningHook(0.5, 10, 20)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
      session.run(train_op)
      monkeypatch.setattr(tf.Session, 'run', counted)
      for _ in range(5):
        session.run(train_op)
      assert len(runs) == 5
      for _ in range(30):
        session.run(train_op)
      runs.clear()
      session.run(train_op)
      assert len(runs) == 1


def test_checkpoint_of_an_update_step_holds_its_masks(tmp_path):
  """Whatever the order of the hooks."""
  for name, order in (('first', 1), ('last', -1)):
    folder = str(tmp_path / name)
    with tf.Graph().as_default():
      _, train_op = tiny_model.build()
      (kernel,) = masked_kernels()
      zeros = SIZE - tf.math.count_nonzero(kernel.mask, dtype=tf.float32)
      tf.summary.scalar('zeros', zeros)
      hooks = [
        ModelPruningHook(0.5, 3, 7, 0.2, 2),
        tf.train.CheckpointSaverHook(
          folder, save_steps=1, saver=tf.train.Saver(max_to_keep=None)
        ),
        tf.train.SummarySaverHook(
          save_steps=1,
          output_dir=folder,
          summary_op=tf.summary.merge_all(),
        ),
        tf.train.StopAtStepHook(last_step=8),
      ]
      with tf.train.MonitoredSession(hooks=hooks[::order]) as session:
        while not session.should_stop():
          session.run(train_op)
    expected = {0: 0, 1: 0, 2: 0, 3: 6, 4: 6, 5: 14, 6: 14, 7: 15, 8: 15}
    for step, count in expected.items():
      reader = tf.train.load_checkpoint(f'{folder}/model.ckpt-{step}')
      mask = reader.get_tensor('net/mask')
      assert int((mask == 0).sum()) == count, (name, step)
    assert read_events(folder, 'zeros') == {
      step: count for step, count in expected.items() if step
    }


def read_events(folder, tag):
  (path,) = [
    os.path.join(folder, file)
    for file in os.listdir(folder)
    if file.startswith('events')
  ]
  return {
    event.step: value.simple_value
    for event in tf.train.summary_iterator(path)
    for value in event.summary.value
    if value.tag == tag
  }


@pytest.mark.parametrize(
  'method, zeros, stops',
  [
    # Before an update, at one, between two, at the end of the window, after it.
    ({}, 23, (2, 7, 9, 13, 15)),
    ({'allocation': 'global'}, 23, (7, 9)),
    ({'granularity': '2x2'}, 24, (9,)),
  ],
  ids=str,
)
def test_stopped_anywhere_it_ends_with_the_masks_of_one_run(
  tmp_path, method, zeros, stops
):
  tiny_model.train(tmp_path / 'one', 18, **method)
  one = tiny_model.latest(tmp_path / 'one')
  assert int((one['net/mask'] == 0).sum()) == zeros
  for step in stops:
    folder = tmp_path / f'stopped-{step}'
    tiny_model.train(folder, step, last_step=18, **method)
    tiny_model.train(folder, 18, **method)
    for name, array in tiny_model.latest(folder).items():
      np.testing.assert_array_equal(array, one[name], err_msg=name)


def test_restart_with_another_target_updates_at_once_and_says_so(
  tmp_path, caplog
):
  tiny_model.train(tmp_path, 15)
  caplog.set_level(logging.WARNING, 'tensorflow')
  tiny_model.train(tmp_path, 16, target_sparsity=0.5)
  assert int((tiny_model.latest(tmp_path)['net/mask'] == 0).sum()) == 15
  assert 'do not have the sparsity that is due' in caplog.text


def test_restart_with_the_same_target_updates_nothing(tmp_path, monkeypatch):
  tiny_model.train(tmp_path, 15)

  def fail(*_):
    raise AssertionError('an update')

  monkeypatch.setattr(pruner.Pruner, 'update', fail)
  tiny_model.train(tmp_path, 18)
  assert int((tiny_model.latest(tmp_path)['net/mask'] == 0).sum()) == 23


def test_worker_that_is_not_chief_leaves_the_masks_alone(monkeypatch):
  monkeypatch.setenv(
    'TF_CONFIG',
    '{"cluster": {"chief": ["localhost:1"], "worker": ["localhost:2"],'
    ' "ps": ["localhost:3"]}, "task": {"type": "worker", "index": 0}}',
  )
  hook = ModelPruningHook(0.5, 1, 3)
  assert zeros_by_step(run(5, [hook])) == [0] * 6
  assert hook.sparsity is None


def test_step_that_jumps_over_update_points_does_not_miss_them():
  """As the global step of a cluster does."""
  hook = ModelPruningHook(0.8, 3, 13, 0.0, 4)
  with tf.Graph().as_default():
    _, train_op = tiny_model.build()
    jump = tf.train.get_global_step().assign_add(6)
    (kernel,) = masked_kernels()
    zeros = []
    with tf.train.MonitoredSession(hooks=[hook]) as session:
      for _ in range(3):
        session.run(train_op)
        zeros.append(int((session.run(kernel.mask) == 0).sum()))
        session.run(jump)
      session.run(train_op)
      zeros.append(int((session.run(kernel.mask) == 0).sum()))
  schedule = PolynomialSchedule(0.8, 3, 13, 0.0, 4)
  assert zeros[-1] == 24
  assert zeros[0] == 0
  assert zeros[1] == round(30 * schedule.sparsity(7))


def _begun_pruned(folder, step):
  """Trains to a step and gives the checkpoint's mask, 60 % of it zero."""
  tiny_model.train(folder, step, target_sparsity=0.6, start_step=1, end_step=2)
  return tiny_model.latest(folder)['net/mask']


def test_pruned_model_is_pruned_further_and_never_less(tmp_path):
  before = _begun_pruned(tmp_path, 3)
  window = {'start_step': 5, 'end_step': 13, 'last_step': 18}
  zeros = []
  for step in (6, 9, 13):
    tiny_model.train(tmp_path, step, target_sparsity=0.77, **window)
    zeros.append(int((tiny_model.latest(tmp_path)['net/mask'] == 0).sum()))
  assert int((before == 0).sum()) == 18
  assert zeros[0] == 18
  assert zeros[-1] == 23


def test_what_masks_began_with_is_kept_after_a_restart_in_the_window():
  schedule = PolynomialSchedule(0.5, 0, 10)
  hook = ModelPruningHook.from_schedule(
    schedule, starting_zeros={'net/mask': 18}, last_step=12
  )
  with tf.Graph().as_default():
    _, train_op = tiny_model.build()
    (kernel,) = masked_kernels()
    counts = []
    with tf.train.MonitoredSession(hooks=[hook]) as session:
      for _ in range(11):
        session.run(train_op)
        counts.append(int((session.run(kernel.mask) == 0).sum()))
  assert counts == [18] * 11


class Jump(tf.train.SessionRunHook):
  """Moves the step as other workers of a cluster do, and ends training."""

  def begin(self):
    self._step = tf.train.get_global_step()
    self._move = tf.assign_add(self._step, 20)

  def after_run(self, run_context, run_values):
    if run_context.session.run(self._step) == 5:
      run_context.session.run(self._move)
      run_context.request_stop()


@pytest.mark.parametrize('order', ['phs', 'hps', 'hsp', 'psh', 'shp'])
def test_last_checkpoint_has_an_update_that_was_jumped_over(tmp_path, order):
  with tf.Graph().as_default():
    _, train_op = tiny_model.build()
    hooks = {
      'p': ModelPruningHook(**tiny_model.WINDOW),
      'h': Jump(),
      's': tf.train.CheckpointSaverHook(str(tmp_path), save_steps=1),
    }
    with tf.train.MonitoredSession(hooks=[hooks[o] for o in order]) as session:
      while not session.should_stop():
        session.run(train_op)
  saved = tiny_model.latest(tmp_path)
  assert saved['global_step'] == 25
  assert hooks['p'].sparsity == 23 / 30
  assert int((saved['net/mask'] == 0).sum()) == 23
