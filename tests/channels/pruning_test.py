import averages
import detectors
import networks
import numpy as np
import pytest
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.channels import latency, pruning
from object_detection_pruning.common import errors, timing


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


class FiltersTimer:
  """A machine whose time is the number of filters, which gets ever slower."""

  def __init__(self, dense, **threads):
    assert threads == {'intra_op': 1, 'inter_op': 1}
    self.dense = dense
    self.measured = []

  def measure(self, makers, rounds):
    filters = [_filters(_config(maker)) or self.dense for maker in makers]
    self.measured.append(filters)
    slower = 1 + len(self.measured)
    return [timing.Timing(np.full(rounds, n * slower)) for n in filters]

  def close(self):
    pass


def _config(maker):
  config = pipeline_pb2.TrainEvalPipelineConfig()
  config.ParseFromString(*maker.args)
  return config


def test_channels_are_scored_by_the_moving_averages_that_are_evaluated(
  network, tensors
):
  request = pruning.Request(0.5, include=['Conv2d_3_pointwise'])
  expected = pruning.make_plan(network, tensors, request).removed
  hidden = averages.into_averages(tensors)
  assert _same(
    pruning.make_plan(
      network._replace(config=averages.evaluating(network.config)),
      hidden,
      request,
    ).removed,
    expected,
  )
  assert not _same(
    pruning.make_plan(network, hidden, request).removed, expected
  )


def _same(one, other):
  assert set(one) == set(other)
  return all(np.array_equal(one[name], other[name]) for name in one)


def test_latency_target_is_searched_beside_the_dense_network(
  network, tensors, monkeypatch
):
  full = network.plan({network.channels.prunable[0].name: np.array([0])})
  dense = 1 + sum(width.filters for width in full.layer_widths())
  timers = []

  def make_timer(**threads):
    timers.append(FiltersTimer(dense, **threads))
    return timers[-1]

  monkeypatch.setattr(timing, 'Timer', make_timer)
  plan = pruning.make_plan(
    network, tensors, pruning.Request(measure='latency', share=0.7)
  )
  (timer,) = timers
  # Each measurement builds a network, so there are few: all gone and five more.
  assert len(timer.measured) == 6
  assert {filters for _, filters in timer.measured} == {dense}
  left = sum(width.filters for width in plan.layer_widths())
  assert 0.65 * dense < left <= 0.7 * dense
  assert left == min(
    (each for each, _ in timer.measured if each <= 0.7 * dense),
    key=lambda each: 0.7 * dense - each,
  )


def test_what_is_timed_is_the_network_in_the_config(network, monkeypatch):
  built = []
  original = inference_graph.build

  def build(config):
    built.append(original(config))
    return built[-1]

  monkeypatch.setattr(inference_graph, 'build', build)
  run = latency._maker(network.config)()
  assert len(built) == 1
  assert built[0].op_counts() == network.op_counts
  assert len(run()) == len(built[0].outputs)


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
  if not inference_graph.build(config).features:
    pytest.skip('this version of the stock API exports no features')
  reasons = {
    group.name.rpartition('InceptionV2/')[2]: group.reason
    for group in pruning.analyze(config).channels.groups
  }
  assert (
    'SecondStageDetectionFeaturesExtract'
    in (reasons['Mixed_5c/Branch_0/Conv2d_0a_1x1'])
  )
  assert reasons['Mixed_5c/Branch_1/Conv2d_0a_1x1'] is None
