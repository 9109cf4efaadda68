"""A narrow detector, refitted: what it can lose and what it cannot."""

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.common import checkpoints
from object_detection_pruning.reconstruction import channel_refit
from object_detection_pruning.reconstruction import model as models

_TWINS = 3


def _tensors(network):
  rng = np.random.RandomState(0)
  result = {'global_step': np.int64(0)}
  for name, shape in network.shapes.items():
    value = rng.normal(0, 1, shape)
    if name.endswith('variance') or name.endswith('gamma'):
      value = 1 + 0.1 * np.abs(value)
    elif len(shape) > 1:
      inputs = np.prod(shape[:2]) * (1 if 'depthwise_w' in name else shape[2])
      value = value * np.sqrt(2 / inputs)
    else:
      value = 0.1 * value
    result[name] = value.astype(np.float32)
  return result


def _with_twins(tensors, group):
  """Makes the first channels of a group equal to the next ones."""
  result = dict(tensors)
  for part in group.slices:
    reads = not part.is_output and result[part.variable].ndim > 1
    if reads and 'depthwise_weights' not in part.variable:
      continue
    value = np.moveaxis(result[part.variable].copy(), part.axis, 0)
    value[part.indices[:_TWINS, 0]] = value[part.indices[_TWINS:, 0][:_TWINS]]
    result[part.variable] = np.moveaxis(value, 0, part.axis)
  return result


def _raw(config, tensors, images, folder):
  prefix = str(folder / 'model.ckpt')
  checkpoints.write(prefix, tensors)
  model = models.from_checkpoint(config, prefix)
  with tf.Graph().as_default():
    tf.import_graph_def(model.graph_def, name='')
    with tf.Session() as session:
      return [
        session.run('detection_scores:0', {'image_tensor:0': [image]})
        for image in images
      ]


def test_model_that_is_trained_for_8_bits_is_taken_in_floats(tmp_path):
  config = detectors.config(detectors.ssd())
  tensors = {
    name: np.ones(shape, np.float32)
    for name, shape in pruning.analyze(config).shapes.items()
  }
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, dict(tensors, global_step=np.int64(1)))
  config.graph_rewriter.quantization.delay = 0
  model = models.from_checkpoint(config, prefix)
  assert not [node for node in model.graph_def.node if 'Fake' in node.op]
  assert config.HasField('graph_rewriter')


@pytest.fixture(scope='module')
def images():
  rng = np.random.RandomState(1)
  size = detectors.IMAGE_SIZE
  return [
    np.kron(
      rng.randint(0, 256, (size // 8, size // 8, 3)), np.ones((8, 8, 1))
    ).astype(np.uint8)
    for _ in range(12)
  ]


@pytest.fixture(scope='module')
def made(tmp_path_factory):
  config = detectors.config(detectors.ssd())
  network = pruning.analyze(config)
  (group,) = [
    each for each in network.channels.prunable if 'Conv2d_5_p' in each.name
  ]
  tensors = _with_twins(_tensors(network), group)
  plan = network.plan({group.name: np.arange(_TWINS)})
  prefix = str(tmp_path_factory.mktemp('dense') / 'model.ckpt')
  checkpoints.write(prefix, tensors)
  return config, tensors, plan, prefix


def test_channels_that_others_can_stand_for_are_removed_without_loss(
  made, images, tmp_path
):
  config, tensors, plan, prefix = made
  detector = channel_refit.pruner(config, prefix, images)
  refitted = channel_refit.refit(detector, config, tensors, plan)
  detector.close()
  narrow = surgery.narrow_config(config, plan)
  before = _raw(config, tensors, images, tmp_path)
  after = _raw(narrow, surgery.narrow(refitted, plan), images, tmp_path)
  plain = _raw(narrow, surgery.narrow(tensors, plan), images, tmp_path)
  np.testing.assert_allclose(after, before, atol=2e-3)
  assert np.abs(np.subtract(plain, before)).max() > 0.02


@pytest.mark.slow
def test_what_a_mask_has_removed_stays_so(made, images):
  config, tensors, plan, prefix = made
  detector = channel_refit.pruner(config, prefix, images[:2])
  name = 'FeatureExtractor/MobilenetV1/Conv2d_6_pointwise/weights'
  mask = np.ones(tensors[name].shape, np.float32)
  mask[..., 7, 9] = 0
  with_mask = dict(tensors)
  with_mask['FeatureExtractor/MobilenetV1/Conv2d_6_pointwise/mask'] = mask
  found = channel_refit.supports(detector.layers, with_mask, plan)
  detector.close()
  kept = found.pop(name)
  assert not found
  assert not kept[..., :_TWINS, :].any()
  assert not kept[0, 0, 7, 9]
  assert kept.sum() == kept.size - _TWINS * kept.shape[-1] - 1


@pytest.mark.slow
def test_moving_averages_become_the_refitted_values(made, images):
  config, tensors, plan, prefix = made
  name = 'FeatureExtractor/MobilenetV1/Conv2d_6_pointwise/weights'
  average = name + '/ExponentialMovingAverage'
  detector = channel_refit.pruner(config, prefix, images[:2])
  averaged = dict(tensors, **{average: tensors[name] + 1})
  refitted = channel_refit.refit(detector, config, averaged, plan)
  detector.close()
  assert np.any(refitted[name] != tensors[name])
  np.testing.assert_array_equal(refitted[average], refitted[name])
