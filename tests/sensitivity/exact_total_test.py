import itertools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from object_detection_pruning.common import errors
from object_detection_pruning.sensitivity import exact_total, results

RATIOS = (0.0, 0.3, 0.6, 0.9)


def _curves(losses):
  return {
    f'layer{number}': results.Curve(RATIOS, (0.0, *each))
    for number, each in enumerate(losses)
  }


def _loss(curves, sizes, zeros):
  return sum(
    curve.loss(zeros[name] / sizes[name]) for name, curve in curves.items()
  )


def test_zeros_go_where_a_weight_costs_least():
  curves = _curves([(0.1, 0.2, 0.3), (0.1, 0.2, 0.3)])
  sizes = {'layer0': 1000, 'layer1': 100}
  # The same loss buys ten times as many zeros in the large layer.
  assert exact_total.divide(curves, sizes, 0.5) == {'layer0': 550, 'layer1': 0}
  found = exact_total.divide(curves, sizes, 0.85)
  assert found == {'layer0': 900, 'layer1': 35}


def test_where_nothing_is_lost_layers_share_alike():
  curves = _curves([(0.0, 0.0, 0.0), (-0.1, 0.0, 0.0)])
  sizes = {'layer0': 30000, 'layer1': 1000}
  found = exact_total.divide(curves, sizes, 0.4)
  assert sum(found.values()) == 12400
  for name, size in sizes.items():
    assert found[name] / size == pytest.approx(0.4, abs=0.02)


def test_what_cannot_be_reached_is_refused():
  curves = _curves([(0.1, 0.2, 0.3)])
  assert exact_total.divide(curves, {'layer0': 7}, 0.85) == {'layer0': 6}
  with pytest.raises(errors.InputError, match='it is 0.9000 with the largest'):
    exact_total.divide(curves, {'layer0': 10}, 0.96)


@hypothesis.given(
  st.lists(
    st.tuples(
      st.integers(1, 5000),
      st.lists(st.floats(-0.1, 1), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=5,
  ),
  st.floats(0.01, 0.8),
)
@hypothesis.settings(max_examples=600, deadline=None)
def test_the_total_is_exact_even_in_single_precision(layers, sparsity):
  curves = _curves([losses for _, losses in layers])
  sizes = {name: size for name, (size, _) in zip(curves, layers)}
  total = round(sparsity * sum(sizes.values()))
  if total > sum(int(0.9 * size + 1e-6) for size in sizes.values()):
    return
  found = exact_total.divide(curves, sizes, sparsity)
  shares = {n: float(np.float32(z / sizes[n])) for n, z in found.items()}
  assert sum(round(shares[n] * size) for n, size in sizes.items()) == total


@hypothesis.given(
  st.lists(
    st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    min_size=3,
    max_size=3,
  ),
  st.sampled_from([0.3, 0.5, 0.8]),
)
@hypothesis.settings(max_examples=600, deadline=None)
def test_the_summed_loss_is_near_the_least_there_is(losses, sparsity):
  curves = _curves(losses)
  sizes = {'layer0': 10, 'layer1': 20, 'layer2': 30}
  found = exact_total.divide(curves, sizes, sparsity)
  total = sum(found.values())
  assert total == round(60 * sparsity)
  best = min(
    _loss(curves, sizes, dict(zip(sizes, numbers)))
    for numbers in itertools.product(range(10), range(19), range(28))
    if sum(numbers) == total
  )
  # Curves that bend downwards leave steps that are too large to take.
  assert best - 1e-9 <= _loss(curves, sizes, found) <= 1.15 * best + 0.1
