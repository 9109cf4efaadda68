import detectors
import networks
import numpy as np
import pytest

from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.channels import criteria, groups, plan, surgery
from object_detection_pruning.common import errors

slim = networks.slim


def _network(image):
  net = slim.conv2d(image, 4, [3, 3], scope='one')
  return slim.conv2d(net, 3, [1, 1], scope='two')


@pytest.fixture
def made():
  return plan.Plan(networks.find(_network), {}, {'one': np.array([1, 2])})


def test_all_that_is_shaped_like_a_variable_is_cut_with_it(made):
  kernel = np.arange(108, dtype=np.float32).reshape(3, 3, 3, 4)
  tensors = {
    'one/weights': kernel,
    'one/weights/Momentum': 2 * kernel,
    'one/weights/ExponentialMovingAverage': 3 * kernel,
    'one/mask': (kernel > 50).astype(np.float32),
    'one/threshold': np.float32(0.5),
    'one/biases': np.arange(4.0),
    'two/weights': np.arange(12.0).reshape(1, 1, 4, 3),
    'two/weights/Momentum': np.arange(12.0).reshape(1, 1, 4, 3),
    'two/biases': np.arange(3.0),
    'global_step': np.int64(5),
  }
  narrow = surgery.narrow(tensors, made)
  left = kernel[..., [0, 3]]
  for name, expected in {
    'one/weights': left,
    'one/weights/Momentum': 2 * left,
    'one/weights/ExponentialMovingAverage': 3 * left,
    'one/mask': left > 50,
    'one/threshold': 0.5,
    'one/biases': [0, 3],
    'two/weights': [[[[0, 1, 2], [9, 10, 11]]]],
    'two/weights/Momentum': [[[[0, 1, 2], [9, 10, 11]]]],
    'two/biases': [0, 1, 2],
    'global_step': 5,
  }.items():
    np.testing.assert_array_equal(narrow.pop(name), expected)
  assert not narrow


@pytest.fixture(scope='module')
def detector():
  config = detectors.config(detectors.ssd())
  built = inference_graph.build(config)
  channels = groups.find(built.graph, built.exported)
  return config, built, networks.random_plan(channels)


def test_network_with_another_op_is_refused(detector):
  config, built, random_plan = detector
  narrow = surgery.narrow(networks.random_tensors(built), random_plan)
  narrow_config = surgery.narrow_config(config, random_plan)
  counts = dict(built.op_counts(), AddN=1)
  with pytest.raises(
    errors.InputError, match='it has 0 AddN ops with these widths and had 1'
  ):
    surgery.check_rebuilds(narrow_config, narrow, counts)


def test_network_of_another_width_is_refused(detector):
  config, built, random_plan = detector
  tensors = networks.random_tensors(built)
  narrow_config = surgery.narrow_config(config, random_plan)
  with pytest.raises(errors.InputError, match='is .* in the narrow checkpoint'):
    surgery.check_rebuilds(narrow_config, tensors, built.op_counts())


def test_narrow_config_lists_all_layers(detector):
  config, _, random_plan = detector
  message = pipeline.pruning_message(surgery.narrow_config(config, random_plan))
  layers = {width.layer for width in message.layer_width}
  # Those of a fixed width as well.
  assert 'BoxPredictor_0/ClassPredictor' in layers
  assert all(
    0 < width.filters <= width.dense_filters for width in message.layer_width
  )


def test_silence_leaves_the_other_channels(made):
  tensors = networks.random_tensors(networks.build(_network))
  silent = surgery.silence(tensors, made)
  norms = criteria.slice_rows(
    groups.Slice('one/weights', 3, np.arange(4)[:, None], True),
    silent['one/weights'],
  ).any(1)
  assert norms.tolist() == [True, False, False, True]
  np.testing.assert_array_equal(silent['two/weights'], tensors['two/weights'])
