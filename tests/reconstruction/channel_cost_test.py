import numpy as np
import pytest

from object_detection_pruning.channels import groups
from object_detection_pruning.reconstruction import (
  channel_cost,
  kernel_layers,
  least_squares,
  moments,
)

_CHANNELS, _TAPS, _OUTPUTS = 6, 2, 4


def _task(x, kernel, output_weights=None):
  sums = moments.Moments(x.shape[1], kernel.shape[1])
  sums.add(x, x @ kernel)
  return least_squares.Problem(
    sums.sums(centred=False), kernel, 1e-9, output_weights
  )


def _rows():
  return np.arange(_CHANNELS)[:, np.newaxis] + _CHANNELS * np.arange(_TAPS)


@pytest.fixture
def inputs():
  rng = np.random.RandomState(0)
  x = rng.randn(500, _CHANNELS * _TAPS)
  return x @ rng.randn(_CHANNELS * _TAPS, _CHANNELS * _TAPS)


@pytest.fixture
def kernel():
  return np.random.RandomState(1).randn(_CHANNELS * _TAPS, _OUTPUTS)


def _error_without(x, kernel, gone, output_weights):
  """What is left of the outputs after the best fit from the other inputs."""
  rest = np.delete(x, gone, 1)
  wanted = x @ kernel
  fitted = rest @ np.linalg.lstsq(rest, wanted, rcond=None)[0]
  return float((np.square(wanted - fitted).mean(0) * output_weights).sum())


def test_the_cheapest_channel_goes_first_at_the_cost_of_its_removal(
  inputs, kernel
):
  weights = np.array([1.0, 2.0, 0.5, 3.0])
  task = _task(inputs, kernel, weights)
  found = channel_cost.marginal_costs(
    [channel_cost.Reader(task, _rows())], _CHANNELS
  )
  alone = [_error_without(inputs, kernel, rows, weights) for rows in _rows()]
  first = int(np.argmin(found))
  assert first == int(np.argmin(alone))
  assert found[first] == pytest.approx(min(alone), rel=1e-4)


def test_the_second_channel_is_judged_by_what_the_first_left(inputs, kernel):
  task = _task(inputs, kernel)
  found = channel_cost.marginal_costs(
    [channel_cost.Reader(task, _rows())], _CHANNELS
  )
  first, second = np.argsort(found)[:2]
  ones = np.ones(_OUTPUTS)
  both = _error_without(inputs, kernel, _rows()[[first, second]].ravel(), ones)
  one = _error_without(inputs, kernel, _rows()[first], ones)
  assert found[second] == pytest.approx(both - one, rel=1e-3)


def test_of_two_equal_channels_one_is_free_and_the_other_is_not(inputs, kernel):
  for tap in range(_TAPS):
    inputs[:, 3 + tap * _CHANNELS] = inputs[:, 1 + tap * _CHANNELS]
  found = channel_cost.marginal_costs(
    [channel_cost.Reader(_task(inputs, kernel), _rows())], _CHANNELS
  )
  cheap, dear = sorted(found[[1, 3]])
  assert cheap < 1e-4 * dear
  assert cheap == min(found)


def test_costs_of_all_readers_add_up(inputs, kernel):
  reader = channel_cost.Reader(_task(inputs, kernel), _rows())
  one = channel_cost.marginal_costs([reader], _CHANNELS)
  two = channel_cost.marginal_costs([reader, reader], _CHANNELS)
  np.testing.assert_allclose(two, 2 * one, rtol=1e-6)


def test_channels_that_nobody_reads_cost_nothing():
  np.testing.assert_array_equal(
    channel_cost.marginal_costs([], _CHANNELS), np.zeros(_CHANNELS)
  )


def _layer(shape):
  return kernel_layers.KernelLayer(
    'next/weights', 'Conv2D', np.zeros(shape), [], [1, 1], [1, 1], 'SAME', []
  )


def _group(axis):
  indices = np.arange(5, 8)[:, np.newaxis]
  return groups.ChannelGroup(
    'made', [groups.Slice('next/weights', axis, indices, False)], [], None
  )


def test_rows_are_those_of_all_taps_of_a_channel():
  rows = channel_cost.rows_read(_layer((1, 3, 10, 4)), _group(2))
  np.testing.assert_array_equal(rows, [[5, 15, 25], [6, 16, 26], [7, 17, 27]])


def test_a_kernel_that_makes_the_channels_does_not_read_them():
  assert channel_cost.rows_read(_layer((1, 3, 10, 4)), _group(3)) is None
