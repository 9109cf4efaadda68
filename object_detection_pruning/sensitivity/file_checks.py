"""What the JSON of a sensitivity file must hold, so that all else can trust it.

Each check raises `ValueError` with one line that says what is wrong where.
"""

import math
from typing import Any, Dict, List, Sequence

from object_detection_pruning.evaluation import evaluator
from object_detection_pruning.sensitivity import targets

FORMAT = 'object_detection_pruning.sensitivity.1'
_HASHES = ('model', 'checkpoint', 'data')


def check(content: Any) -> None:
  """Raises `ValueError` where a file cannot be used.

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
  is_filter = setup.get('granularity') == targets.FILTER
  for name, allowed in (
    ('granularity', targets.GRANULARITIES),
    ('metric', evaluator.METRICS),
    ('importance', targets.IMPORTANCES if is_filter else (None,)),
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
