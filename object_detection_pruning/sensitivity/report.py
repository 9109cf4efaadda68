"""One HTML page with all of an analysis in it."""

import base64
import json
import os
from typing import Any, Dict, List, Sequence

import jinja2

from object_detection_pruning.common import atomic_files, errors
from object_detection_pruning.sensitivity import (
  plots,
  results,
  selection,
)

FILE_NAME = 'report.html'
_TEMPLATE = 'report.html.jinja'


def read_measured(path: str) -> List[Dict[str, Any]]:
  """Reads what was measured of exported models.

  Args:
    path: `comparison.json` of `compare_models`.

  Raises:
    InputError: it is not there, or no such file.
  """
  try:
    with open(path) as file:
      return [
        {
          'name': row['model'],
          'ap': row['accuracy']['ap'],
          'ap50': row['accuracy']['ap50'],
          'parameters': row['cost'] and row['cost']['parameters'],
          'macs': row['cost'] and row['cost']['macs'],
          'milliseconds': row['milliseconds']['one_thread']['median'],
        }
        for row in json.load(file)
      ]
  except FileNotFoundError:
    raise errors.InputError(f'no comparison at {path!r}')
  except (ValueError, KeyError, TypeError) as error:
    raise errors.InputError(
      f'{path} is no comparison.json of compare_models: {error!r}'
    )


def write(
  path: str,
  found: results.Results,
  choice: selection.Choice,
  target: selection.Target,
  pictures: Sequence[plots.Picture],
  measured: Sequence[Dict[str, Any]] = (),
) -> None:
  """Writes the page.

  Args:
    path: of the page; the pictures' files lie beside it.
    found: what was measured.
    choice: what was chosen.
    target: what it was chosen for.
    pictures: saved already.
    measured: from `read_measured`.
  """
  folder = os.path.dirname(path)
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(os.path.dirname(__file__)),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
  )
  page = environment.get_template(_TEMPLATE).render(
    found=found,
    setup=found.setup,
    metric=found.setup.metric,
    unit=plots.unit(found),
    choice=choice,
    target=target,
    ratios=_ratios(found),
    rows=_rows(found, choice),
    pictures=[(p.title, _embedded(folder, p.name)) for p in pictures],
    measured=measured,
  )
  atomic_files.write(path, page)


def _ratios(found: results.Results) -> List[float]:
  return sorted({r for layer in found.measured for r in layer.points})


def _rows(
  found: results.Results, choice: selection.Choice
) -> List[Dict[str, Any]]:
  rows = []
  for layer in found.measured:
    rows.append(
      {
        'name': layer.name,
        'others': len(layer.layers) - 1,
        'size': layer.size,
        'losses': found.losses(layer),
        'removed': choice.removed.get(layer.name, 0),
        'loss': choice.losses.get(layer.name, 0.0),
      }
    )
  return rows


def _embedded(folder: str, name: str) -> str:
  with open(os.path.join(folder, name + '.png'), 'rb') as file:
    encoded = base64.b64encode(file.read()).decode()
  return f'data:image/png;base64,{encoded}'
