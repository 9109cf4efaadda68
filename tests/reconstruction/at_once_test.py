import os

import numpy as np
import pytest
import small_detector

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import freezing, graph_files
from object_detection_pruning.reconstruction import at_once, job, outputs

_SIZES = {'point': 16 * 32, 'down': 9 * 32 * 32}


def _request(**settings):
  settings.setdefault('sparsity', 0.5)
  settings.setdefault('min_weights', 300)
  return at_once.Request(include=['point', 'down'], **settings)


@pytest.fixture(scope='module')
def dense(tmp_path_factory):
  path = tmp_path_factory.mktemp('given') / 'dense.pb'
  path.write_bytes(small_detector.graph_def().SerializeToString())
  return job.Source(graph=str(path))


def _constants(path):
  return freezing.constants(graph_files.read(path).graph_def)


def _kernels(path):
  found = _constants(path)
  return {name: found[name + '/weights'] for name in _SIZES}


def test_the_smallest_weights_go_and_all_else_stays(dense, tmp_path):
  report = job.cut(dense, _request(), str(tmp_path))
  before = _constants(dense.graph)
  after = _constants(str(tmp_path / outputs.FROZEN_GRAPH))
  for name, value in before.items():
    if name.replace('/weights', '') not in _SIZES:
      np.testing.assert_array_equal(after[name], value)
      continue
    kept = after[name] != 0
    assert kept.sum() == value.size // 2
    np.testing.assert_array_equal(after[name][kept], value[kept])
    assert np.abs(value[~kept]).max() <= np.abs(value[kept]).min()
  assert report.sparsity == 0.5
  assert 'pruned kernels, which are not refitted' in str(report)


@pytest.mark.parametrize('allocation', ['erdos_renyi_kernel', 'global'])
def test_allocations_of_training_are_exact_in_total(
  dense, tmp_path, allocation
):
  job.cut(dense, _request(allocation=allocation), str(tmp_path))
  zeros = {
    name: np.sum(kernel == 0)
    for name, kernel in _kernels(str(tmp_path / outputs.FROZEN_GRAPH)).items()
  }
  assert sum(zeros.values()) == sum(_SIZES.values()) // 2
  # The small layer keeps the larger share.
  assert zeros['point'] / _SIZES['point'] < zeros['down'] / _SIZES['down']


@pytest.mark.parametrize(
  'granularity, axes',
  [('2:4', None), ('4x4', None), ('filter', (0, 1, 2))],
)
def test_patterns_of_training_hold(dense, tmp_path, granularity, axes):
  job.cut(dense, _request(granularity=granularity), str(tmp_path))
  kernel = _kernels(str(tmp_path / outputs.FROZEN_GRAPH))['down'] != 0
  if granularity == '2:4':
    groups = kernel.reshape(9, 8, 4, 32).sum(2)
    assert (groups == 2).all()
  elif granularity == '4x4':
    blocks = kernel.reshape(9, 8, 4, 8, 4).sum((2, 4))
    assert set(np.unique(blocks)) == {0, 16}
  else:
    assert set(np.unique(kernel.sum(axes))) == {0, 288}
  assert kernel.mean() == 0.5


def test_chance_takes_other_weights_than_magnitude(dense, tmp_path):
  for criterion in ('magnitude', 'random'):
    folder = str(tmp_path / criterion)
    job.cut(dense, _request(criterion=criterion), folder)
  kept = [
    _kernels(str(tmp_path / each / outputs.FROZEN_GRAPH))['down'] != 0
    for each in ('magnitude', 'random')
  ]
  assert 0.4 < np.mean(kept[0] == kept[1]) < 0.6


def test_a_plan_is_what_becomes_of_it_and_writes_nothing(dense, tmp_path):
  plan = job.cut(dense, _request(allocation='global'), None)
  done = job.cut(dense, _request(allocation='global'), str(tmp_path))
  assert plan == done
  assert sorted(os.listdir(str(tmp_path))) == [
    outputs.FROZEN_GRAPH,
    outputs.REPORT,
  ]


@pytest.mark.parametrize(
  'settings, message',
  [
    ({'sparsity': 1.0}, 'sparsity must be in'),
    ({'criterion': 'size'}, 'criterion must be one of magnitude, random'),
    ({'criterion': 'movement'}, 'criterion movement needs gradients'),
    ({'granularity': 'channel'}, 'granularity must be one of weight'),
    ({'allocation': 'least_cost'}, 'allocation must be one of uniform'),
    ({'granularity': '2:4', 'sparsity': 0.7}, 'sparsity must be 0.5 with'),
  ],
)
def test_a_setting_that_cannot_be_is_named(dense, settings, message):
  with pytest.raises(errors.InputError, match=message):
    job.cut(dense, _request(**settings), None)
