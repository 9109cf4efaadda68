import detectors
import networks
import numpy as np
import pytest

from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.channels import latency, pruning
from object_detection_pruning.common import errors


@pytest.fixture(scope='module')
def network():
  return pruning.analyze(detectors.config(detectors.ssd()))


@pytest.fixture(scope='module')
def tensors(network):
  random = np.random.RandomState(0)
  return {
    name: random.normal(0, 0.1, shape).astype(np.float32)
    for name, shape in network.shapes.items()
  }


def _filters(config):
  widths = pipeline.pruning_message(config).layer_width
  return sum(width.filters for width in widths)


def test_latency_target_is_searched_with_the_narrow_networks(
  network, tensors, monkeypatch
):
  measured = []

  def measure(config):
    """A machine whose time is the number of filters."""
    measured.append(_filters(config) or None)
    return measured[-1] or dense

  full = network.plan({network.channels.prunable[0].name: np.array([0])})
  dense = 1 + sum(width.filters for width in full.layer_widths())
  monkeypatch.setattr(latency, 'measure', measure)
  plan = pruning.make_plan(
    network, tensors, pruning.Request(measure='latency', share=0.7)
  )
  assert measured[0] is None
  # Each measurement builds a network, so there are few: all gone and five more.
  assert len(measured) == 7
  left = sum(width.filters for width in plan.layer_widths())
  assert 0.65 * dense < left <= 0.7 * dense
  assert left == min(
    (each for each in measured[1:] if each <= 0.7 * dense),
    key=lambda each: 0.7 * dense - each,
  )


def test_latency_is_that_of_the_network_in_the_config(network, monkeypatch):
  built = []
  original = inference_graph.build

  def build(config):
    built.append(original(config))
    return built[-1]

  monkeypatch.setattr(inference_graph, 'build', build)
  assert latency.measure(network.config, runs=1) > 0
  assert len(built) == 1
  assert built[0].op_counts() == network.op_counts


def test_filters_that_masks_set_to_zero_go_first(network, tensors):
  layer = 'FeatureExtractor/MobilenetV1/Conv2d_5_pointwise'
  kernel = tensors[layer + '/weights'].copy()
  mask = np.ones_like(kernel)
  mask[..., ::2] = 0
  # What is under a mask may have any size.
  kernel[..., ::2] *= 100
  masked = dict(tensors, **{layer + '/weights': kernel, layer + '/mask': mask})
  plan = pruning.make_plan(
    network,
    masked,
    pruning.Request(ratio=0.5, include=['Conv2d_5_p'], method='filter_l1'),
  )
  assert plan.removed[layer].tolist() == list(range(0, kernel.shape[-1], 2))


def test_checkpoint_that_lacks_a_variable_is_an_error(network, tensors):
  name = 'FeatureExtractor/MobilenetV1/Conv2d_0/weights'
  lacking = {key: value for key, value in tensors.items() if key != name}
  with pytest.raises(errors.InputError, match=f'fit .*: {name} is not in it'):
    pruning.make_plan(network, lacking, pruning.Request(ratio=0.5))


def test_exported_features_keep_their_channels():
  config = detectors.config(networks.DETECTORS['faster_rcnn_inception_v2']())
  reasons = {
    group.name.rpartition('InceptionV2/')[2]: group.reason
    for group in pruning.analyze(config).channels.groups
  }
  assert (
    'SecondStageDetectionFeaturesExtract'
    in (reasons['Mixed_5c/Branch_0/Conv2d_0a_1x1'])
  )
  assert reasons['Mixed_5c/Branch_1/Conv2d_0a_1x1'] is None
