import numpy as np
import pytest
from object_detection.protos import pipeline_pb2

from object_detection_pruning.common import errors
from object_detection_pruning.core import moving_averages

TENSORS = {
  'a/weights': np.float32([[1, 2]]),
  'a/weights/ExponentialMovingAverage': np.float32([[3, 4]]),
  'a/weights/Momentum': np.float32([[9, 9]]),
  'a/mask': np.float32([[0, 1]]),
  'a/BatchNorm/moving_mean': np.float32([5, 6]),
}


def config(averages):
  result = pipeline_pb2.TrainEvalPipelineConfig()
  result.eval_config.use_moving_averages = averages
  return result


def test_averages_are_in_place_of_weights_and_all_else_stays():
  found = moving_averages.evaluated(config(True), TENSORS)
  assert set(found) == set(TENSORS)
  np.testing.assert_array_equal(found.pop('a/weights'), [[3, 4]])
  for name, value in found.items():
    np.testing.assert_array_equal(value, TENSORS[name])
  np.testing.assert_array_equal(TENSORS['a/weights'], [[1, 2]])


def test_weights_stay_where_the_config_does_not_ask_for_averages():
  found = moving_averages.evaluated(config(False), TENSORS)
  np.testing.assert_array_equal(found['a/weights'], [[1, 2]])


def test_a_checkpoint_without_averages_is_refused():
  tensors = {'a/weights': TENSORS['a/weights']}
  with pytest.raises(
    errors.InputError, match='^model.ckpt has no moving averages.*to false$'
  ):
    moving_averages.evaluated(config(True), tensors, 'model.ckpt')
