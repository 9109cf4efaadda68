import json

import numpy as np
import pytest

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.export import exporter
from object_detection_pruning.inspection import checkpoint_cost


def test_masks_are_folded_in_and_slots_left_out():
  weights = np.ones([1, 1, 2, 3], np.float32)
  mask = np.zeros_like(weights)
  mask[..., 0] = 1
  found = checkpoint_cost.measure(
    {
      'a/weights': weights,
      'a/weights/Momentum': weights,
      'a/mask': mask,
      'a/threshold': np.float32(0.5),
      'a/BatchNorm/beta': np.zeros(3, np.float32),
      'a/BatchNorm/gamma': np.ones(3, np.float32),
      'a/BatchNorm/moving_mean': np.ones(3, np.float32),
      'b/depthwise_weights': np.ones([3, 3, 3, 1], np.float32),
      'global_step': np.int64(7),
    },
    {'a/weights': 10},
  )
  first, second = found.layers
  assert (first.name, first.nonzeros, first.nonzero_macs) == ('a', 2, 20)
  assert (second.op, second.size, second.macs) == ('depthwise', 27, None)
  assert (found.parameters, found.nonzeros) == (6 + 27 + 6, 2 + 27 + 3)
  # One unknown makes the sum unknown, not too small.
  assert found.macs is None


def test_agrees_with_the_report_of_the_exporter(run, exported):
  found = checkpoint_cost.measure(
    checkpoints.read(checkpoints.resolve(run.model_dir))
  )
  with open(f'{exported}/{exporter.REPORT}') as file:
    report = json.load(file)
  assert found.parameters == report['parameters']
  assert found.nonzeros == report['nonzeros']


def test_checkpoint_without_kernels_is_refused():
  with pytest.raises(errors.InputError, match='no kernel'):
    checkpoint_cost.measure({'global_step': np.int64(1)})


def test_values_that_are_nan_or_infinite_are_named():
  weights = np.ones([1, 1, 2, 3], np.float32)
  weights[..., 1] = np.nan
  found = checkpoint_cost.measure(
    {'a/weights': weights, 'a/biases': np.float32([1, np.inf, 0])}
  )
  assert found.as_dict()['not_finite'] == {'a/weights': 2, 'a/biases': 1}
  assert found.as_table().splitlines()[-2:] == [
    'warning: a/weights has 2 values that are NaN or infinite',
    'warning: a/biases has 1 values that are NaN or infinite',
  ]
