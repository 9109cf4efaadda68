"""The JSON file of an analysis: written whole, read, checked, merged.

All else can trust what `load` gives.
"""

import glob
import json
import math
import os
import re
from typing import Any, Dict, List, Sequence

from object_detection_pruning.common import atomic_files, errors
from object_detection_pruning.evaluation import evaluator
from object_detection_pruning.sensitivity import costs as costs_lib
from object_detection_pruning.sensitivity import prunables, results

FORMAT = 'object_detection_pruning.sensitivity.1'
_HASHES = ('model', 'checkpoint', 'data')


def save(found: results.Results, path: str) -> None:
  """Writes the file; a reader sees the old one or the new one whole."""
  content = {
    'format': FORMAT,
    'setup': found.setup._asdict(),
    'baseline': found.baseline,
    'layers': [
      {
        'name': layer.name,
        'layers': list(layer.layers),
        'size': layer.size,
        'points': {str(r): metrics for r, metrics in layer.points.items()},
      }
      for layer in found.layers
    ],
    'costs': found.costs.to_json(),
  }
  atomic_files.write(path, _json(content) + '\n')


def load(path: str) -> results.Results:
  """Reads a file.

  Raises:
    InputError: it is not there, or damaged, or no file of this kind.
  """
  try:
    with open(path) as file:
      content = json.load(file)
    check(content)
    return results.Results(
      results.Setup(**content['setup']),
      content['baseline'],
      [_layer(entry) for entry in content['layers']],
      costs_lib.from_json(content['costs']),
    )
  except FileNotFoundError:
    raise errors.InputError(f'no sensitivities at {path!r}')
  except (ValueError, TypeError, OverflowError) as error:
    raise errors.InputError(f'{path} is no whole sensitivity file: {error}')


def merge(paths: Sequence[str]) -> results.Results:
  """Reads the parts of an analysis and joins them.

  Raises:
    InputError: a file cannot be used, or is of another analysis, or none has
      measured anything.
  """
  found = load(paths[0])
  for path in paths[1:]:
    found = found.merged(load(path), path)
  if found.baseline is None:
    raise errors.InputError(
      f'nothing is measured in {", ".join(paths)}: they have no baseline'
    )
  return found


def part_path(output: str, number: int, count: int) -> str:
  """Gives the file, beside the output, in which a worker keeps its points.

  Args:
    output: file of the whole analysis.
    number: of the worker, from 1.
    count: of all workers.
  """
  return f'{output}.part-{number}-of-{count}'


def find_parts(output: str) -> List[str]:
  """Lists the files that workers have left, of any number of them."""
  name = re.compile(re.escape(output) + r'\.part-\d+-of-\d+')
  return sorted(filter(name.fullmatch, glob.glob(glob.escape(output) + '.*')))


def remove_parts(output: str) -> None:
  """Removes the files of workers."""
  for part in find_parts(output):
    os.remove(part)


def check(content: Any) -> None:
  """Raises `ValueError` where a file cannot be used; one line says why.

  Args:
    content: what was read from it.
  """
  found = _object('the file', content)
  if found.get('format') != FORMAT:
    raise ValueError(f'its format is {found.get("format")!r}, not {FORMAT!r}')
  for name in ('setup', 'baseline', 'layers', 'costs'):
    if name not in found:
      raise ValueError(f'{name} is missing')
  _check_setup(_object('setup', found['setup']))
  metric = found['setup']['metric']
  if found['baseline'] is not None:
    _check_metrics('baseline', found['baseline'], metric)
    if not found['baseline'][metric] > 0:
      raise ValueError(f'baseline: {metric} must be above 0')
  sizes: Dict[str, int] = {}
  for entry in _list('layers', found['layers']):
    name = _check_layer(_object('a layer', entry), metric)
    if name in sizes:
      raise ValueError(f'layer {name} is there twice')
    sizes[name] = entry['size']
    if entry['points'] and found['baseline'] is None:
      raise ValueError(f'{name} has points, and there is no baseline')
  _check_costs(_list('costs', found['costs']), sizes)


def _check_setup(setup: Dict[str, Any]) -> None:
  for name in _HASHES:
    _text(f'setup.{name}', setup.get(name))
  if setup.get('training') is not None:
    _text('setup.training', setup['training'])
  _whole('setup.num_examples', setup.get('num_examples'), 1)
  _whole('setup.recalibrate', setup.get('recalibrate'), 0)
  is_filter = setup.get('granularity') == prunables.FILTER
  for name, allowed in (
    ('granularity', prunables.GRANULARITIES),
    ('metric', evaluator.METRICS),
    ('importance', prunables.IMPORTANCES if is_filter else (None,)),
  ):
    if setup.get(name) not in allowed:
      raise ValueError(
        f'setup.{name} must be one of {", ".join(map(str, allowed))}, got '
        f'{setup.get(name)!r}'
      )


def _check_layer(entry: Dict[str, Any], metric: str) -> str:
  name = _text('name of a layer', entry.get('name'))
  for layer in _list(f'{name}: layers', entry.get('layers')):
    _text(f'{name}: layers', layer)
  _whole(f'{name}: size', entry.get('size'), 1)
  points = _object(f'{name}: points', entry.get('points'))
  for ratio, metrics in points.items():
    try:
      is_within = 0 < float(ratio) < 1
    except ValueError:
      is_within = False
    if not is_within:
      raise ValueError(f'{name}: ratios must be in (0, 1), got {ratio}')
    _check_metrics(f'{name} at {ratio}', metrics, metric)
  return name


def _check_metrics(what: str, metrics: Any, metric: str) -> None:
  if metric not in _object(what, metrics):
    raise ValueError(f'{what}: {metric} is missing')
  for name, value in metrics.items():
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
      raise ValueError(f'{what}: {name} must be a number, got {value!r}')


def _check_costs(terms: Sequence[Any], sizes: Dict[str, int]) -> None:
  params = macs = 0
  for term in terms:
    if not isinstance(term, list) or len(term) != 3:
      raise ValueError('a term of costs must be [params, macs, axes]')
    whole = 1
    for axis in _list('axes of costs', term[2], least=0):
      if not isinstance(axis, list) or len(axis) != 2:
        raise ValueError('an axis of costs must be [size, times]')
      whole *= _whole('axis of costs', axis[0], 1)
      times = _object('times of costs', axis[1])
      for name in times:
        if name not in sizes:
          raise ValueError(f'costs name {name!r}, which is no layer')
        _whole(f'times of {name} in costs', times[name], 1)
      if sum(sizes[name] * times[name] for name in times) > axis[0]:
        raise ValueError(f'an axis of costs loses more than its {axis[0]}')
    params += _whole('params of costs', term[0], 0) * whole
    macs += _whole('macs of costs', term[1], 0) * whole
  if not params or not macs:
    raise ValueError('costs must have parameters and multiply-adds')


def _object(what: str, value: Any) -> Dict[str, Any]:
  if not isinstance(value, dict):
    raise ValueError(f'{what} must be an object, got {_short(value)}')
  return value


def _list(what: str, value: Any, least: int = 1) -> List[Any]:
  if not isinstance(value, list) or len(value) < least:
    raise ValueError(
      f'{what} must be a list of {least} or more, got {_short(value)}'
    )
  return value


def _text(what: str, value: Any) -> str:
  if not isinstance(value, str) or not value:
    raise ValueError(f'{what} must be text, got {_short(value)}')
  return value


def _whole(what: str, value: Any, least: int) -> int:
  if not isinstance(value, int) or isinstance(value, bool) or value < least:
    raise ValueError(
      f'{what} must be a whole number, {least} or more, got {_short(value)}'
    )
  return value


def _short(value: Any) -> str:
  return repr(value)[:40]


def _layer(entry: Dict[str, Any]) -> results.Layer:
  points = {float(ratio): each for ratio, each in entry['points'].items()}
  return results.Layer(
    entry['name'], entry['layers'], entry['size'], dict(sorted(points.items()))
  )


def _json(content: Dict[str, Any]) -> str:
  """Lays JSON out with a line for each point and each term."""
  parts = []
  for name in ('format', 'setup', 'baseline'):
    text = json.dumps(content[name], indent=1).replace('\n', '\n ')
    parts.append(f' {json.dumps(name)}: {text}')
  layers = [_layer_json(layer) for layer in content['layers']]
  parts.append(' "layers": [\n' + ',\n'.join(layers) + '\n ]')
  terms = ['  ' + json.dumps(term) for term in content['costs']]
  parts.append(' "costs": [\n' + ',\n'.join(terms) + '\n ]')
  return '{\n' + ',\n'.join(parts) + '\n}'


def _layer_json(layer: Dict[str, Any]) -> str:
  points = ',\n'.join(
    f'    {json.dumps(ratio)}: {json.dumps(metrics)}'
    for ratio, metrics in layer['points'].items()
  )
  points = f'{{\n{points}\n   }}' if points else '{}'
  fields = [
    f'   {json.dumps(name)}: {json.dumps(layer[name])}'
    for name in ('name', 'layers', 'size')
  ]
  body = ',\n'.join(fields + [f'   "points": {points}'])
  return f'  {{\n{body}\n  }}'
