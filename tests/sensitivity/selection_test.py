import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.common import errors
from object_detection_pruning.sensitivity import costs, results, selection

SIZE = 10


def _results(losses):
  """A chain of layers, each with as many channels; losses at 0.3, 0.6, 0.9."""
  names = [f'layer{n}' for n in range(len(losses))]
  axes = [costs.Axis(3, ())] + [costs.Axis(SIZE, ((n, 1),)) for n in names]
  terms = [
    costs.Term(1, 7, (before, after)) for before, after in zip(axes, axes[1:])
  ]
  layers = [
    results.Layer(
      name,
      [name],
      SIZE,
      {r: {'mAP': 1 - loss} for r, loss in zip((0.3, 0.6, 0.9), each)},
    )
    for name, each in zip(names, losses)
  ]
  setup = results.Setup('m', 'c', 'd', 1, 'filter', 'l1', 'mAP', 0)
  return results.Results(setup, {'mAP': 1.0}, layers, costs.Costs(terms))


def test_each_layer_takes_what_the_bound_allows():
  choice = selection.Chooser(
    _results([(0.3, 0.6, 0.9), (-0.2, 0.05, 0.06), (0.5, 0.5, 0.5)])
  ).by_loss(0.05)
  # 0.05 of the line up to 0.3 is half a channel.
  assert choice.removed == {'layer0': 0, 'layer1': 6, 'layer2': 0}
  assert choice.losses['layer1'] == pytest.approx(0.05)
  assert choice.cost.macs == 7 * (3 * 10 + 10 * 4 + 4 * 10)
  assert choice.dense_cost.params == 3 * 10 + 100 + 100


def test_multiples_are_kept_and_never_less_than_allowed():
  bounds = channel_selection.Bounds(4)
  chooser = selection.Chooser(_results([(0.0, 0.5, 1.0)]), bounds)
  # Seven of ten could stay; eight are a multiple of four.
  assert chooser.by_loss(0.0).removed == {'layer0': 2}


def test_the_fewest_that_stay_are_a_multiple_too():
  bounds = channel_selection.Bounds(4, min_channels=5)
  chooser = selection.Chooser(_results([(0.0, 0.0, 0.0)]), bounds)
  assert chooser.by_loss(0.0).removed == {'layer0': 2}


def test_one_way_of_asking_at_a_time():
  ways = selection.TARGETS_OF_WEIGHTS
  assert selection.target_from({'sparsity': 0.8}, ways).sparsity == 0.8
  listed = (
    'give one of --eval_metric_loss, --sparsity, --target_macs and '
    '--target_params, got 2'
  )
  with pytest.raises(errors.InputError, match=listed):
    selection.target_from({'sparsity': 0.8, 'target_macs': 0.5}, ways)
  for wrong in (0.0, 1.0, float('nan')):
    with pytest.raises(errors.InputError, match='--sparsity must be'):
      selection.target_from({'sparsity': wrong}, ways)


def test_a_total_is_of_the_named_layers_alone():
  found = _results([(0.1, 0.2, 0.3), (0.1, 0.2, 0.3), (0.0, 0.0, 0.0)])
  target = selection.Target(sparsity=0.6)
  choice = selection.choose(found, target, ['layer0', 'layer1'])
  assert sorted(choice.removed) == ['layer0', 'layer1']
  assert sum(choice.removed.values()) == 12
  everything = selection.choose(found, target).removed
  assert sum(everything.values()) == 18
  assert everything['layer2'] == 9


def test_what_cannot_be_reached_is_refused():
  chooser = selection.Chooser(_results([(0.1, 0.2, 0.3)]))
  with pytest.raises(errors.InputError, match='0.1000 of the macs is left'):
    chooser.by_cost('macs', 0.05)
  assert chooser.by_cost('macs', 0.1).removed == {'layer0': 9}


def test_without_points_nothing_is_chosen():
  with pytest.raises(errors.InputError, match='hold no point yet'):
    selection.Chooser(_results([()]))


@hypothesis.settings(max_examples=15, deadline=None)
@hypothesis.given(
  st.lists(
    st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    min_size=3,
    max_size=3,
  ),
  st.sampled_from([0.3, 0.5, 0.8]),
)
def test_summed_loss_is_near_the_least_there_is(losses, target):
  found = _results(losses)
  chooser = selection.Chooser(found)
  choice = chooser.by_cost('macs', target)
  dense = choice.dense_cost.macs
  assert choice.cost.macs <= target * dense
  best = min(
    sum(
      chooser._loss(name, number)
      for name, number in zip(choice.removed, numbers)
    )
    for numbers in itertools.product(range(SIZE), repeat=3)
    if found.costs.left(dict(zip(choice.removed, numbers))).macs
    <= target * dense
  )
  assert choice.summed_loss >= best - 1e-9
  assert choice.summed_loss <= 1.15 * best + 0.1
