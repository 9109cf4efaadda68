import numpy as np
import pytest

from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.sensitivity import costs, prunables

LAYER = 'FeatureExtractor/MobilenetV1/Conv2d_3_pointwise'


@pytest.fixture(scope='module')
def found(dense):
  return {
    each.name: each
    for each in prunables.filters(dense.network, dense.tensors, 'l1')
  }


def test_costs_are_those_of_the_plan(dense, found):
  model_costs = costs.from_json(costs.of_filters(dense.network).to_json())
  random = np.random.RandomState(3)
  scores = {name: random.rand(each.size) for name, each in found.items()}
  removed = channel_selection.per_group(
    scores,
    {name: random.uniform(0, 0.9) for name in found},
    channel_selection.Bounds(1, 1),
  )
  plan = dense.network.plan(removed)
  numbers = {name: len(gone) for name, gone in removed.items()}
  assert model_costs.left(numbers) == plan.cost() != plan.dense_cost()
  assert model_costs.left({}) == plan.dense_cost()


def test_weights_cost_what_is_not_zero(dense):
  found = prunables.weights(dense.network, dense.tensors)
  left = costs.of_weights(dense.network, found).left({LAYER: 100})
  dense_cost = dense.network.plan({}).cost()
  positions = dense.network.positions[LAYER + '/weights']
  assert left.params == dense_cost.params - 100
  assert left.macs == dense_cost.macs - 100 * positions
