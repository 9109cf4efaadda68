import json

import pytest

from object_detection_pruning.reconstruction import trials

_RUNS = [
  trials.Trial(0.5, 0.594),
  trials.Trial(0.7, 0.3),
  trials.Trial(0.6, 0.6),
]


def test_the_sparsest_run_within_the_bound_is_chosen():
  found = trials.Trials('AP50', 0.6, 0.0101, _RUNS)
  assert found.chosen == trials.Trial(0.6, 0.6)
  assert [found.is_within(run) for run in _RUNS] == [True, False, True]
  assert found.loss(_RUNS[0]) == pytest.approx(0.01)
  assert found._replace(dense=2.0).chosen is None


def test_a_loss_of_exactly_the_bound_is_within_it():
  found = trials.Trials('AP50', 0.6, 0.01, _RUNS)
  assert found.is_within(_RUNS[0])
  assert '1.00% lost, within the bound of 1.00%' in found.line(_RUNS[0])


def test_a_loss_just_above_the_bound_has_the_digits_that_show_it():
  run = trials.Trial(0.5, 0.59399)
  found = trials.Trials('AP50', 0.6, 0.01, [run])
  assert '1.002% lost, over the bound of 1.00%' in found.line(run)
  assert 'lose 1.002% of' in found.none_within()
  assert '1.002%' in str(found)


def test_the_table_has_all_runs_by_their_sparsity(tmp_path):
  found = trials.Trials('AP50', 0.6, 0.0101, _RUNS)
  assert str(found).splitlines() == [
    'zeros      AP50      lost',
    ' none    0.6000',
    '  50%    0.5940     1.00%',
    '  60%    0.6000     0.00%  <- sparsest within the bound',
    '  70%    0.3000    50.00%',
  ]
  found.write(str(tmp_path / 'table.json'))
  written = json.loads((tmp_path / 'table.json').read_text())
  assert written['sparsity'] == 0.6
  assert [run['sparsity'] for run in written['runs']] == [0.5, 0.6, 0.7]


def test_what_the_least_sparse_run_lost_is_said_where_none_is_within():
  found = trials.Trials('AP50', 0.6, 0.001, _RUNS[:2])
  assert found.none_within() == (
    'none at this bound: 50% zeros lose 1.00% of the AP50 of 0.6000, and '
    'max_loss allows 0.10%'
  )


def test_a_share_is_called_what_it_is_of():
  found = trials.Trials('AP50', 0.6, 0.0101, _RUNS, 'latency')
  assert found.line(_RUNS[0]).startswith('50% less time: AP50 0.5940')
  assert str(found).splitlines()[:3] == [
    'less time      AP50      lost',
    '     none    0.6000',
    '      50%    0.5940     1.00%',
  ]
