import hypothesis
import pytest
from hypothesis import strategies as st

from object_detection_pruning.sensitivity import costs, results

CURVE = results.Curve((0.0, 0.2, 0.4, 0.6), (0.0, -0.1, 0.1, 0.5))


def test_lies_on_straight_lines_between_points():
  assert CURVE.loss(0.5) == pytest.approx(0.3)
  # A negative loss counts as none, so this line starts at 0.
  assert CURVE.loss(0.3) == pytest.approx(0.05)
  assert CURVE.loss(0.1) == 0


def test_nothing_is_known_beyond_the_last_point():
  assert CURVE.loss(0.6) == pytest.approx(0.5)
  assert CURVE.loss(0.61) == float('inf')
  assert CURVE.largest_ratio(0.9) == 0.6


def test_largest_ratio_within_a_bound():
  assert CURVE.largest_ratio(0.3) == pytest.approx(0.5)
  assert CURVE.largest_ratio(0.0) == pytest.approx(0.2)
  steep = results.Curve((0.0, 0.5), (0.0, 1.0))
  assert steep.largest_ratio(0.05) == pytest.approx(0.025)


def test_takes_the_largest_where_the_loss_comes_back():
  bumpy = results.Curve((0.0, 0.2, 0.4, 0.6), (0.0, 0.3, 0.1, 0.9))
  assert bumpy.largest_ratio(0.1) == pytest.approx(0.4)


@hypothesis.given(
  st.lists(st.floats(-0.5, 2), min_size=1, max_size=9),
  st.floats(0, 1),
)
def test_the_largest_ratio_keeps_the_bound(losses, bound):
  ratios = [0.1 * n for n in range(len(losses) + 1)]
  curve = results.Curve(tuple(ratios), tuple([0.0] + losses))
  largest = curve.largest_ratio(bound)
  assert 0 <= largest <= ratios[-1]
  assert curve.loss(largest) <= bound + 1e-6
  beyond = [r for r in ratios if r > largest]
  assert all(curve.loss(ratio) > bound for ratio in beyond)


@pytest.mark.parametrize(
  'metric, value, expected', [('mAP', 0.3, 0.25), ('loss', 0.5, 0.25)]
)
def test_loss_is_a_share_of_the_unpruned_model(metric, value, expected):
  setup = results.Setup('m', 'c', 'd', 1, 'filter', 'l1', metric, 0)
  layer = results.Layer('a', ['a'], 4, {0.5: {metric: value}})
  found = results.Results(setup, {metric: 0.4}, [layer], costs.Costs([]))
  assert found.curves()['a'].losses == (0, pytest.approx(expected))


def _found(granularity, size, losses):
  setup = results.Setup('m', 'c', 'd', 1, granularity, 'l1', 'mAP', 0)
  points = {ratio: {'mAP': 1 - loss} for ratio, loss in losses.items()}
  layer = results.Layer('a', ['a'], size, points)
  return results.Results(setup, {'mAP': 1.0}, [layer], costs.Costs([]))


def test_ratio_of_a_curve_is_what_really_went():
  # 2.4, 4.8 and 24 channels are 2, 5 and, since one stays, 23.
  asked = {0.1: 0.06, 0.2: 0.1, 0.999: 1.0}
  curve = _found('filter', 24, asked).curves()['a']
  assert curve.ratios == pytest.approx((0, 2 / 24, 5 / 24, 23 / 24))
  # A bound of 0.05 allows less than the two that cost 0.06.
  assert int(24 * curve.largest_ratio(0.05)) == 1
  assert _found('weight', 24, asked).curves()['a'].ratios == (0, *asked)


def test_ratios_of_the_same_channels_are_one_point():
  found = _found('filter', 4, {0.1: 0.0, 0.2: 0.3, 0.3: 0.31, 0.5: 0.4})
  curve = found.curves()['a']
  # 0.4 of a channel is none.
  assert curve.ratios == (0, 0.25, 0.5)
  assert curve.losses == pytest.approx((0, 0.31, 0.4))
  assert list(found.losses(found.layers[0])) == [0.1, 0.2, 0.3, 0.5]
