import copy
import json
import os

import hypothesis
import processes
import pytest
from hypothesis import strategies as st

from object_detection_pruning.common import errors
from object_detection_pruning.sensitivity import (
  costs,
  results,
  results_file,
  selection,
)

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
  results_file.save(written, path)
  assert results_file.load(path) == written
  assert os.listdir(str(tmp_path)) == ['a.json']


def test_parts_join_in_any_order(tmp_path):
  whole = _results(
    a={0.1: {'mAP': 0.4}, 0.2: {'mAP': 0.3}}, b={0.1: {'mAP': 0.0}}
  )
  paths = [str(tmp_path / name) for name in ('1.json', '2.json')]
  results_file.save(
    _results(a={0.2: {'mAP': 0.3}}, b={0.1: {'mAP': 0.0}}), paths[0]
  )
  results_file.save(
    _results(a={0.1: {'mAP': 0.4}, 0.2: {'mAP': 0.3}}), paths[1]
  )
  assert results_file.merge(paths) == whole
  assert results_file.merge(paths[::-1]) == whole
  together = results_file.merge(paths)
  results_file.save(together, paths[0])
  results_file.save(whole, paths[1])
  with open(paths[0]) as one, open(paths[1]) as other:
    assert one.read() == other.read()


@pytest.mark.parametrize('field', ['model', 'checkpoint', 'data', 'training'])
def test_foreign_fingerprints_are_refused(field):
  other = _results()._replace(setup=SETUP._replace(**{field: 'other'}))
  with pytest.raises(errors.InputError, match=f'x.json was .* another {field}'):
    _results().merged(other, 'x.json')


def test_other_settings_are_refused():
  other = _results()._replace(setup=SETUP._replace(metric='AP50'))
  with pytest.raises(errors.InputError, match='with metric AP50, not mAP'):
    _results().merged(other, 'x.json')


def test_more_images_are_named_before_the_data_that_they_are():
  other = _results()._replace(setup=SETUP._replace(num_examples=5, data='more'))
  with pytest.raises(errors.InputError, match='with num_examples 5, not 4'):
    _results().merged(other, 'x.json')


def test_contradicting_points_are_refused():
  ours, theirs = (_results(a={0.1: {'mAP': value}}) for value in (0.4, 0.2))
  with pytest.raises(errors.InputError, match='a at 0.1: mAP is 0.2 in one'):
    ours.merged(theirs, 'x.json')


def test_parts_without_a_baseline_are_refused(tmp_path):
  parts = [str(tmp_path / name) for name in ('a.json', 'b.json')]
  for part in parts:
    results_file.save(_results()._replace(baseline=None), part)
  with pytest.raises(errors.InputError, match='b.json: they have no baseline'):
    results_file.merge(parts)


@pytest.mark.parametrize('text', ['', '{"format": 3}', '[]', 'CUT'])
def test_a_damaged_file_is_refused(tmp_path, text):
  path = str(tmp_path / 'a.json')
  results_file.save(_results(), path)
  with open(path) as file:
    whole = file.read()
  with open(path, 'w') as file:
    file.write(whole[: len(whole) // 2] if text == 'CUT' else text)
  with pytest.raises(errors.InputError, match='no whole sensitivity file'):
    results_file.load(path)


def _content(tmp_path):
  path = str(tmp_path / 'valid.json')
  results_file.save(_results(a={0.1: {'mAP': 0.4}, 0.5: {'mAP': 0.2}}), path)
  with open(path) as file:
    return json.load(file)


BAD_VALUES = [
  (['format'], 'sensitivity.2', "its format is 'sensitivity.2'"),
  (['setup'], [], 'setup must be an object'),
  (['setup', 'metric'], 'recall', 'setup.metric must be one of mAP, AP50'),
  (['setup', 'granularity'], 'row', 'setup.granularity must be one of filter'),
  (['setup', 'importance'], None, 'setup.importance must be one of l1'),
  (['setup', 'num_examples'], 0, 'setup.num_examples must be a whole number'),
  (['setup', 'data'], 3, 'setup.data must be text, got 3'),
  (['setup', 'training'], 3, 'setup.training must be text, got 3'),
  (['setup', 'more'], 3, 'unexpected keyword argument'),
  (['baseline'], [1], 'baseline must be an object'),
  (['baseline'], {'AP50': 0.5}, 'baseline: mAP is missing'),
  (['baseline'], None, 'a has points, and there is no baseline'),
  (['baseline', 'mAP'], 0, 'baseline: mAP must be above 0'),
  (['baseline', 'mAP'], float('nan'), 'baseline: mAP must be a number'),
  (['baseline', 'mAP'], 10**400, 'too large'),
  (['layers'], [], 'layers must be a list of 1 or more'),
  (['layers', 1, 'name'], 'a', 'layer a is there twice'),
  (['layers', 0, 'size'], 0.5, 'a: size must be a whole number'),
  (['layers', 0, 'layers'], 'a', 'a: layers must be a list'),
  (['layers', 0, 'points', '1.5'], {'mAP': 0.1}, 'a: ratios must be in (0, 1)'),
  (['layers', 0, 'points', 'x'], {'mAP': 0.1}, 'a: ratios must be in (0, 1)'),
  (['layers', 0, 'points', '0.1'], {'AP50': 0.1}, 'a at 0.1: mAP is missing'),
  (
    ['layers', 0, 'points', '0.1', 'mAP'],
    '1',
    'a at 0.1: mAP must be a number',
  ),
  (['costs'], [], 'costs must be a list of 1 or more'),
  (['costs', 0], [1, 2], 'a term of costs must be [params, macs, axes]'),
  (['costs', 0, 0], -1, 'params of costs must be a whole number'),
  (['costs', 0, 1], 0, 'costs must have parameters and multiply-adds'),
  (['costs', 0, 2, 1, 0], 7, 'an axis of costs loses more than its 7'),
  (['costs', 0, 2, 1, 1], {'c': 1}, "costs name 'c', which is no layer"),
]


@pytest.mark.parametrize('keys,value,message', BAD_VALUES)
def test_values_that_mean_nothing_are_refused(tmp_path, keys, value, message):
  content = _content(tmp_path)
  _put(content, keys, value)
  path = str(tmp_path / 'a.json')
  with open(path, 'w') as file:
    json.dump(content, file)
  with pytest.raises(errors.InputError) as raised:
    results_file.load(path)
  text = str(raised.value)
  assert text.startswith(f'{path} is no whole sensitivity file: ')
  assert message in text and len(text.splitlines()) == 1


def _put(content, keys, value):
  *before, last = keys
  for key in before:
    content = content[key]
  content[last] = value


def _all_keys(content, before=()):
  """Lists the keys that lead to each value of a JSON file."""
  keys = content if isinstance(content, dict) else range(len(content))
  for key in keys:
    yield before + (key,)
    if isinstance(content[key], (dict, list)):
      yield from _all_keys(content[key], before + (key,))


_VALUES = st.recursive(
  st.sampled_from([None, True, 0, 1, -1, 0.5, 2.5, 10**400, '', 'a', 'mAP']),
  lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(['a', 'mAP', '0.5']), inner, max_size=2)
  ),
  max_leaves=4,
)


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(data=st.data())
def test_whatever_is_damaged_is_refused_or_can_be_used(tmp_path_factory, data):
  folder = tmp_path_factory.getbasetemp()
  content = copy.deepcopy(_content(folder))
  keys = data.draw(st.sampled_from(list(_all_keys(content))))
  _put(content, keys, data.draw(_VALUES))
  path = str(folder / 'damaged.json')
  with open(path, 'w') as file:
    json.dump(content, file)
  try:
    found = results_file.load(path)
    # No points at all are fine in a file, but nothing to choose from.
    choice = selection.choose(found, selection.Target(metric_loss=0.1))
  except errors.InputError as error:
    assert len(str(error).splitlines()) == 1
    return
  assert 0 <= choice.cost.macs <= choice.dense_cost.macs
  results_file.save(found, path)
  assert results_file.load(path) == found


@pytest.mark.parametrize(
  ('metric', 'value', 'is_noise'),
  [('mAP', 0.003, True), ('mAP', 0.01, False), ('loss', 0.003, False)],
)
def test_losses_of_a_model_that_finds_nothing_are_said_to_be_noise(
  metric, value, is_noise
):
  found = _results()._replace(
    setup=SETUP._replace(metric=metric), baseline={metric: value}
  )
  doubt = found.doubt()
  assert bool(doubt) == is_noise
  if is_noise:
    assert doubt.startswith(
      'the mAP of the unpruned model is 0.0030: the losses'
    )


def test_command_says_that_losses_are_noise(tmp_path):
  path = str(tmp_path / 'noise.json')
  found = _results(a={0.5: {'mAP': 0.001}}, b={0.5: {'mAP': 0.002}})
  results_file.save(found._replace(baseline={'mAP': 0.003}), path)
  (result,) = processes.command(
    'object_detection_pruning.analyze_sensitivity',
    [[f'--merge={path}', f'--output_path={tmp_path}/merged.json']],
  )
  assert result.returncode == 0, result.stderr
  assert 'warning: the mAP of the unpruned model is 0.0030' in result.stdout
