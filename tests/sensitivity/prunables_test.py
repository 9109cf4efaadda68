import numpy as np
import pytest

from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.sensitivity import prunables

LAYER = 'FeatureExtractor/MobilenetV1/Conv2d_3_pointwise'


@pytest.fixture(scope='module')
def found(dense):
  return {
    each.name: each
    for each in prunables.filters(dense.network, dense.tensors, 'l1')
  }


def test_channels_are_those_that_surgery_takes(dense, found):
  plan = pruning.make_plan(
    dense.network,
    dense.tensors,
    pruning.Request(ratio=0.5, include=['Conv2d_3_pointwise$']),
  )
  silent = surgery.silence(dense.tensors, plan)
  changes = found[LAYER].changes(0.5)
  assert LAYER + '/weights' in changes
  for name, array in changes.items():
    np.testing.assert_array_equal(array, silent[name])
  same = set(dense.tensors) - set(changes)
  assert all(dense.tensors[name] is silent[name] for name in same)


def test_weights_go_by_magnitude_in_the_exact_number(dense):
  found = prunables.weights(dense.network, dense.tensors)
  layers = [each.name for each in found]
  assert 'BoxPredictor_0/ClassPredictor' in layers
  assert not any('depthwise' in layer for layer in layers)
  prunable = found[layers.index(LAYER)]
  ((name, array),) = prunable.changes(0.3).items()
  assert name == LAYER + '/weights'
  old = dense.tensors[name]
  assert (array == 0).sum() == round(0.3 * old.size)
  assert np.abs(old[array == 0]).max() <= np.abs(old[array != 0]).min()
  np.testing.assert_array_equal(array[array != 0], old[array != 0])
