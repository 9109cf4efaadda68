import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.reconstruction import allocation

_LEVELS = np.array([0, 0.3, 0.5, 0.7, 0.9, 0.97])


def _curve(size=1000, scale=1.0, weight=1.0, power=3.0):
  found = scale * _LEVELS**power
  return allocation.Curve(_LEVELS, found, weight * found, size * (1 - _LEVELS))


def _price(curves, shares):
  return sum(c.price(s) for c, s in zip(curves, shares))


@pytest.mark.parametrize('method', allocation.ALLOCATIONS)
@pytest.mark.parametrize('share', [0.1, 0.5, 0.8])
def test_every_method_meets_the_budget(method, share):
  curves = [_curve(1000), _curve(300, 0.1), _curve(5000, 4.0, 0.01)]
  shares = allocation.allocate(method(), curves, share)
  assert _price(curves, shares) == pytest.approx((1 - share) * 6300, rel=1e-3)


def test_uniform_gives_all_the_same():
  curves = [_curve(1000), _curve(300, 0.1)]
  shares = allocation.allocate(allocation.Uniform(), curves, 0.4)
  assert shares == pytest.approx([0.4, 0.4])


def test_equal_error_gives_robust_layers_more_zeros():
  curves = [_curve(scale=1.0), _curve(scale=0.01)]
  shares = allocation.allocate(allocation.EqualError(), curves, 0.5)
  assert shares[1] > shares[0]
  found = [np.interp(s, c.sparsities, c.errors) for s, c in zip(shares, curves)]
  assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_least_cost_is_not_beaten_by_others():
  rng = np.random.RandomState(0)
  for _ in range(5):
    curves = [
      _curve(rng.randint(100, 5000), rng.rand(), 10 ** rng.randn(), 4)
      for _ in range(6)
    ]

    def cost(method, curves=curves):
      shares = allocation.allocate(method(), curves, 0.6)
      return sum(
        np.interp(s, c.sparsities, c.costs) for s, c in zip(shares, curves)
      )

    least = cost(allocation.LeastCost)
    assert least <= cost(allocation.Uniform)
    assert least <= cost(allocation.EqualError)


def test_a_layer_whose_sparse_form_costs_more_stays_dense():
  slow = _curve()._replace(prices=np.array([10, 14, 13, 12, 11, 10.5]))
  curves = [slow, _curve(scale=1.0)]
  shares = allocation.allocate(allocation.LeastCost(), curves, 0.4)
  assert shares[0] == 0
  assert shares[1] > 0.3


def test_a_budget_below_the_sparsest_model_is_refused():
  with pytest.raises(errors.InputError, match='at most 97.0%'):
    allocation.allocate(allocation.LeastCost(), [_curve()], 0.98)


def test_rounded_shares_add_up_to_the_exact_number():
  sizes = [997, 1003, 77]
  shares = allocation.exact([0.123, 0.777, 0.31], sizes, 0.5)
  zeros = [int(round(s * n)) for s, n in zip(shares, sizes)]
  assert sum(zeros) == int(round(0.5 * sum(sizes)))
  assert all(0 <= z <= n for z, n in zip(zeros, sizes))


def test_what_training_alone_offers_is_refused_with_its_name():
  with pytest.raises(errors.InputError) as caught:
    allocation.find('global')
  assert str(caught.value) == (
    'allocation must be one of uniform, equal_error, least_cost, got '
    "'global'; global works in model_main"
  )
