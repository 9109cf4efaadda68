import numpy as np
import pytest

from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.evaluation import eval_inputs, evaluator
from object_detection_pruning.sensitivity import costs, targets

LAYER = 'FeatureExtractor/MobilenetV1/Conv2d_3_pointwise'


@pytest.fixture(scope='module')
def images(dense):
  reader = eval_inputs.reader(dense.config)
  return eval_inputs.load(dense.config, reader, eval_inputs.serialized(reader))


@pytest.fixture(scope='module')
def found(dense):
  return {
    t.name: t for t in targets.filters(dense.network, dense.tensors, 'l1')
  }


def _outputs(model, changes, variables):
  """Gives what the detector finds, before it is scored."""
  kept = []
  model._scorer.score = kept.extend
  model.evaluate(variables, changes)
  return kept


def test_a_cut_graph_finds_the_same_bit_for_bit(dense, images, found):
  target = found[LAYER]
  changes = target.changes(0.5)
  assert set(changes) <= set(target.variables)
  cut = evaluator.Evaluator(dense.config, dense.tensors, images)
  pruned = dict(dense.tensors, **changes)
  plain = evaluator.Evaluator(dense.config, pruned, images, threads=1)
  ours = _outputs(cut, changes, target.variables)
  assert cut.graph.is_cut
  for one, other in zip(ours, _outputs(plain, {}, [])):
    for name in one._fields:
      np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
  dense_found = _outputs(cut, {}, target.variables)
  assert not np.array_equal(dense_found[0].scores, ours[0].scores)
  whole = _outputs(cut, {}, [])
  np.testing.assert_array_equal(dense_found[0].scores, whole[0].scores)


def test_loss_is_that_of_the_pruned_weights(dense, images, found):
  target = found[LAYER]
  changes = target.changes(0.5)
  model = evaluator.Evaluator(dense.config, dense.tensors, images, 'loss')
  before = model.evaluate()['loss']
  lost = model.evaluate(target.variables, changes)['loss']
  plain = evaluator.Evaluator(
    dense.config, dict(dense.tensors, **changes), images, 'loss'
  )
  assert plain.evaluate()['loss'] == lost
  assert abs(lost - before) > 1e-3 * before
  assert model.evaluate(target.variables, {})['loss'] == before


def test_without_memory_the_whole_graph_is_run(dense, images, found):
  target = found[LAYER]
  changes = target.changes(0.5)
  roomy, tight = (
    evaluator.Evaluator(
      dense.config, dense.tensors, images, 'loss', cache_megabytes=megabytes
    )
    for megabytes in (100, 0)
  )
  assert roomy.evaluate(target.variables, changes) == tight.evaluate(
    target.variables, changes
  )
  assert roomy.graph.is_cut
  assert not tight.graph.is_cut


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


def test_costs_are_those_of_the_plan(dense, found):
  model_costs = costs.from_json(costs.of_filters(dense.network).to_json())
  random = np.random.RandomState(3)
  scores = {name: random.rand(t.size) for name, t in found.items()}
  removed = channel_selection.per_group(
    scores,
    {name: random.uniform(0, 0.9) for name in found},
    channel_selection.Bounds(1, 1),
  )
  plan = dense.network.plan(removed)
  numbers = {name: len(gone) for name, gone in removed.items()}
  assert model_costs.left(numbers) == plan.cost() != plan.dense_cost()
  assert model_costs.left({}) == plan.dense_cost()


def test_weights_go_by_magnitude_in_the_exact_number(dense):
  found = targets.weights(dense.network, dense.tensors)
  layers = [target.name for target in found]
  assert 'BoxPredictor_0/ClassPredictor' in layers
  assert not any('depthwise' in layer for layer in layers)
  target = found[layers.index(LAYER)]
  ((name, array),) = target.changes(0.3).items()
  assert name == LAYER + '/weights'
  old = dense.tensors[name]
  assert (array == 0).sum() == round(0.3 * old.size)
  assert np.abs(old[array == 0]).max() <= np.abs(old[array != 0]).min()
  np.testing.assert_array_equal(array[array != 0], old[array != 0])
  left = costs.of_weights(dense.network, found).left({LAYER: 100})
  dense_cost = dense.network.plan({}).cost()
  positions = dense.network.positions[name]
  assert left.params == dense_cost.params - 100
  assert left.macs == dense_cost.macs - 100 * positions
