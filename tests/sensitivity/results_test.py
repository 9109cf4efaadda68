import os

import pytest

from object_detection_pruning.core import errors
from object_detection_pruning.sensitivity import costs, results

SETUP = results.Setup('model', 'weights', 'data', 4, 'filter', 'l1', 'mAP', 0)
TERM = costs.Term(2, 9, (costs.Axis(3, ()), costs.Axis(8, (('a', 2),))))


def _results(**points):
  layers = [
    results.Layer(name, [name], 4, points.get(name, {})) for name in 'ab'
  ]
  return results.Results(SETUP, {'mAP': 0.5}, layers, costs.Costs([TERM]))


def test_a_file_holds_all_of_it(tmp_path):
  path = str(tmp_path / 'a.json')
  written = _results(a={0.1: {'mAP': 1 / 3}, 0.5: {'mAP': 0.25}})
  written.save(path)
  assert results.load(path) == written
  assert os.listdir(str(tmp_path)) == ['a.json']


def test_parts_join_in_any_order(tmp_path):
  whole = _results(
    a={0.1: {'mAP': 0.4}, 0.2: {'mAP': 0.3}}, b={0.1: {'mAP': 0.0}}
  )
  paths = [str(tmp_path / name) for name in ('1.json', '2.json')]
  _results(a={0.2: {'mAP': 0.3}}, b={0.1: {'mAP': 0.0}}).save(paths[0])
  _results(a={0.1: {'mAP': 0.4}, 0.2: {'mAP': 0.3}}).save(paths[1])
  assert results.merge(paths) == whole
  assert results.merge(paths[::-1]) == whole
  together = results.merge(paths)
  together.save(paths[0])
  whole.save(paths[1])
  with open(paths[0]) as one, open(paths[1]) as other:
    assert one.read() == other.read()


@pytest.mark.parametrize('field', ['model', 'checkpoint', 'data'])
def test_foreign_fingerprints_are_refused(field):
  other = _results()._replace(setup=SETUP._replace(**{field: 'other'}))
  with pytest.raises(errors.InputError, match=f'x.json was .* another {field}'):
    _results().merged(other, 'x.json')


def test_other_settings_are_refused():
  other = _results()._replace(setup=SETUP._replace(metric='AP50'))
  with pytest.raises(errors.InputError, match='with metric AP50, not mAP'):
    _results().merged(other, 'x.json')


def test_contradicting_points_are_refused():
  ours, theirs = (_results(a={0.1: {'mAP': value}}) for value in (0.4, 0.2))
  with pytest.raises(errors.InputError, match='a at 0.1: mAP is 0.2 in one'):
    ours.merged(theirs, 'x.json')


@pytest.mark.parametrize('text', ['', '{"format": 3}', '[]', 'CUT'])
def test_a_damaged_file_is_refused(tmp_path, text):
  path = str(tmp_path / 'a.json')
  _results().save(path)
  with open(path) as file:
    whole = file.read()
  with open(path, 'w') as file:
    file.write(whole[: len(whole) // 2] if text == 'CUT' else text)
  with pytest.raises(errors.InputError, match='no whole sensitivity file'):
    results.load(path)
