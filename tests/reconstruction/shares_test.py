import types

import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.reconstruction import (
  layer_times,
  layerwise,
  request,
  shares,
  survey,
)

_LAYERS = [
  types.SimpleNamespace(
    constant=name, kernel=np.ones((1, 1, 10, 10)), window=(1, 1)
  )
  for name in ('cheap', 'dear')
]
_LEVELS = np.array(shares.LEVELS)


def _survey():
  return [
    survey.LayerSurvey(_LEVELS**3, scale * _LEVELS**3, 4.0)
    for scale in (1.0, 50.0)
  ]


def _times(*seconds):
  """Layers that need less from 60 % zeros on, down to a tenth."""
  sparse = np.where(_LEVELS < layer_times.FEWEST_ZEROS, 1, 1.1 - _LEVELS)
  return np.array(seconds)[:, None] * sparse


def _left(times, found):
  return sum(
    np.interp(found[layer.constant], _LEVELS, row)
    for layer, row in zip(_LAYERS, times)
  )


@pytest.mark.parametrize('way', ['uniform', 'equal_error', 'least_cost'])
def test_the_time_comes_down_to_what_was_asked_for(way):
  times = _times(1.0, 3.0)
  wanted = request.Request(0.6, target='latency', allocation=way)
  found = shares.divide(wanted, _LAYERS, _survey, times)
  assert _left(times, found) <= 0.4 * 4.0 * 1.05


def test_time_is_saved_where_it_costs_least():
  wanted = request.Request(0.4, target='latency')
  both = shares.divide(wanted, _LAYERS, _survey, _times(1.0, 1.0))
  assert both['cheap'] > both['dear']
  # Hardly anything is won in a layer that takes no time, cheap as it is.
  slow = shares.divide(wanted, _LAYERS, _survey, _times(0.01, 1.0))
  assert slow['dear'] > both['dear']


def test_a_layer_gets_no_zeros_or_enough_of_them_for_a_sparse_op():
  for share in np.arange(0.05, 0.8, 0.05):
    wanted = request.Request(share, target='latency', allocation='equal_error')
    found = shares.divide(wanted, _LAYERS, _survey, _times(1.0, 1.0))
    for zeros in found.values():
      assert zeros == 0 or zeros >= layer_times.FEWEST_ZEROS


def test_more_time_than_zeros_can_save_is_refused():
  wanted = request.Request(0.95, target='latency')
  times = _times(1.0, 1.0)
  assert shares.most_share(wanted, times) == pytest.approx(0.89)
  with pytest.raises(errors.InputError, match='at most 89.0% can go'):
    shares.divide(wanted, _LAYERS, _survey, times)


def test_noise_of_levels_that_stay_dense_saves_nothing():
  times = _times(1.0, 1.0)
  times[0, :3] = 1.3, 1.0, 0.4
  found = shares.divide(
    request.Request(0.3, target='latency'), _LAYERS, _survey, times
  )
  assert _left(_times(1.0, 1.0), found) <= 0.7 * 2.0 * 1.05


def test_multiply_adds_count_positions():
  wanted = request.Request(0.5, target='macs', allocation='uniform')
  found = shares.divide(wanted, _LAYERS, _survey)
  assert found == {'cheap': pytest.approx(0.5), 'dear': pytest.approx(0.5)}


def test_weights_are_exact_in_number():
  found = shares.divide(request.Request(0.435), _LAYERS, _survey)
  assert sum(int(round(100 * each)) for each in found.values()) == 87


@pytest.mark.parametrize('granularity', ['weight', 'channel', '4x4'])
@pytest.mark.parametrize('inputs, outputs', [(128, 128), (32, 64), (30, 17)])
def test_a_layer_that_is_sparse_has_enough_zeros_for_a_sparse_op(
  granularity, inputs, outputs
):
  kernel = np.random.RandomState(0).normal(size=(1, 1, inputs, outputs))
  layers = [
    types.SimpleNamespace(constant=name, kernel=kernel, window=(1, 1))
    for name in ('a', 'b')
  ]
  wanted = request.Request(
    0.3, target='latency', allocation='equal_error', granularity=granularity
  )
  found = shares.divide(wanted, layers, _survey, _times(1.0, 1.0))
  assert any(found.values())
  shape = layerwise.shape_of(layers[0])
  # A part that is cut off is worth less, so these are the first to go.
  mask = wanted.pattern.mask(np.abs(kernel[0, 0]), shape, max(found.values()))
  zeros = (~mask).sum()
  assert zeros >= layer_times.FEWEST_ZEROS * mask.size
  fewer = wanted.pattern.mask(
    np.ones(shape.matrix), shape, layer_times.FEWEST_ZEROS - 0.1
  )
  assert (~fewer).sum() < zeros
