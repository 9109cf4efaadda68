"""Training whose numbers are not finite ends with the variable and the step."""

import re

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.hooks import finite_hook


def train(folder, factor, steps=6, start=1.0):
  """Multiplies the gradient of a weight by `factor`, of the step, at each."""
  with tf.Graph().as_default():
    step = tf.train.get_or_create_global_step()
    weights = tf.get_variable('layer/weights', initializer=[start, 2.0])
    other = tf.get_variable('other/weights', initializer=[3.0])
    scale = tf.numpy_function(factor, [step], tf.float32)
    scale.set_shape([])
    loss = tf.reduce_sum(other**2) + tf.reduce_sum(
      weights * tf.stop_gradient(scale)
    )
    train_op = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss, step)
    scaffold = tf.train.Scaffold()
    hooks = [
      finite_hook.FiniteHook(loss),
      tf.train.CheckpointSaverHook(
        str(folder),
        save_steps=1,
        scaffold=scaffold,
        listeners=[finite_hook.BeforeSaving()],
      ),
    ]
    with tf.train.MonitoredSession(
      tf.train.ChiefSessionCreator(scaffold), hooks
    ) as session:
      for _ in range(steps):
        session.run(train_op)


def at_step(bad, step):
  return lambda now: np.float32(bad if now == step else 1)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_names_variable_and_step_and_saves_none_of_it(tmp_path, bad):
  with pytest.raises(errors.InputError) as raised:
    train(tmp_path, at_step(bad, 3))
  assert re.fullmatch(
    'training broke down at step 4: the loss is (nan|-?inf) and the gradient '
    'of layer/weights has NaN or Inf in it; nothing of it was saved; lower the '
    'learning rate, or set gradient_clipping_by_norm',
    str(raised.value),
  )
  last = checkpoints.resolve(str(tmp_path))
  assert last.endswith('model.ckpt-3')
  for value in checkpoints.read(last).values():
    assert np.isfinite(value).all()


@pytest.mark.parametrize('value, is_fine', [(1.0, True), (np.inf, False)])
def test_weights_that_overflow_are_not_saved(value, is_fine):
  """Loss and gradient may be finite, and what comes of them not."""
  weights = tf.get_variable('layer/weights', initializer=[value, 1.0])
  tf.get_variable('step', initializer=3)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    if is_fine:
      finite_hook.BeforeSaving().before_save(session, 7)
      return
    with pytest.raises(
      errors.InputError, match=f'at step 7: {weights.op.name} has NaN or Inf'
    ):
      finite_hook.BeforeSaving().before_save(session, 7)


def test_a_start_that_is_not_finite_is_refused(tmp_path):
  with pytest.raises(
    errors.InputError,
    match='training cannot begin at step 0: layer/weights of the checkpoint',
  ):
    train(tmp_path, at_step(1, 0), start=np.nan)


def test_finite_training_is_left_alone(tmp_path):
  train(tmp_path, at_step(1, 0))
  assert checkpoints.resolve(str(tmp_path)).endswith('model.ckpt-6')
