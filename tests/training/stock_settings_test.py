"""What a stock config may say of training goes with masks."""

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import kernels, masking
from object_detection_pruning.training import model_lib

FROZEN = 'Conv2d_5_pointwise'
STEPS = 6
SPARSITY = 0.5
DECAY = 0.02
SETTINGS = f'freeze_variables: ".*{FROZEN}.*" gradient_clipping_by_norm: 0.001'


def l1_ssd():
  """Gives the `model` message of a masked SSD with an L1 regularizer."""
  stock = detectors.ssd(masked=True)
  regularizer = f'l1_regularizer {{ weight: {DECAY} }}'
  model = stock.replace('l2_regularizer { weight: 0.0001 }', regularizer)
  assert model.count(regularizer) == 2
  return model


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
  """The first and the last variables of a training, by name."""
  folder = str(tmp_path_factory.mktemp('settings'))
  config = detectors.config(
    l1_ssd(),
    data,
    num_steps=STEPS,
    pruning=f'target_sparsity: {SPARSITY} start_step: 1 end_step: 4 '
    'frequency: 1',
  )
  text_format.Merge(SETTINGS, config.train_config)
  run = model_lib.create_estimator_and_inputs(
    config, tf.estimator.RunConfig(folder, save_checkpoints_steps=STEPS)
  )
  run['estimator'].train(run['train_input_fn'], max_steps=STEPS)
  return [
    checkpoints.read(f'{folder}/model.ckpt-{step}') for step in (0, STEPS)
  ]


def masked_kernels(tensors):
  shapes = {name: value.shape for name, value in tensors.items()}
  return kernels.kernels_with_masks(shapes)


def test_masks_of_all_layers_reach_the_target_exactly(trained):
  masks = masked_kernels(trained[1])
  assert any(FROZEN in name for name in masks)
  for mask in masks.values():
    zeros = (trained[1][mask] == 0).sum()
    assert zeros == round(SPARSITY * trained[1][mask].size), mask


def test_l1_regularizer_acts_on_raw_kernels_and_leaves_zeros_exact():
  model, _ = detectors.predict(detectors.config(l1_ssd()), is_training=True)
  decay = tf.add_n(model.regularization_losses())
  masked = masking.masked_kernels()
  assert len(masked) > 20
  gradients = tf.gradients(decay, [kernel.weights for kernel in masked])
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    before = session.run(decay)
    for kernel in masked:
      half = np.arange(kernel.size).reshape(kernel.shape) % 2
      kernel.mask.load(half.astype(np.float32), session)
    after, values, found = session.run(
      [
        decay,
        [(each.weights, each.mask, each.masked_weight) for each in masked],
        gradients,
      ]
    )
  assert after == before > 0
  for (weights, mask, product), gradient in zip(values, found):
    np.testing.assert_allclose(gradient, DECAY * np.sign(weights), rtol=1e-6)
    assert not product[mask == 0].any()
    np.testing.assert_array_equal(product[mask == 1], weights[mask == 1])
    assert weights[mask == 0].any()


def test_frozen_layer_is_masked_and_keeps_its_weights(trained):
  before, after = trained
  names = masked_kernels(after)
  (frozen,) = [name for name in names if FROZEN in name]
  np.testing.assert_array_equal(before[frozen], after[frozen])
  # A kernel whose ReLUs are all dead may stand still by chance; only that of
  # the frozen layer is unknown to the optimizer.
  assert [n for n in names if f'{n}/Momentum' not in after] == [frozen]
  moved = [n for n in names if not np.array_equal(before[n], after[n])]
  assert len(moved) > len(names) / 2


def test_gradients_are_clipped_with_masks_as_without(trained):
  before, after = trained
  # Momentum of 0.9 sums up to less than ten clipped steps of rate 0.01 each.
  moved = sum(
    ((after[name] - before[name]) ** 2).sum() for name in masked_kernels(after)
  )
  assert 0 < moved**0.5 < STEPS * 10 * 0.01 * 0.001
