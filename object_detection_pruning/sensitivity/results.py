"""What was measured, in a file that is whole after every point."""

import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from object_detection_pruning.common import atomic_files, errors
from object_detection_pruning.sensitivity import costs as costs_lib
from object_detection_pruning.sensitivity import file_checks

# Other machines round otherwise, and a rank of two detections may change.
_TOLERANCE = 2e-3
_READ = ('data', 'training')
_FINGERPRINTS = {
  'model': 'model',
  'checkpoint': 'checkpoint',
  'data': 'data',
  'training': 'training input',
}

Metrics = Dict[str, float]


class Setup(NamedTuple):
  """What two files must have in common.

  Attributes:
    model: hash of the model's config.
    checkpoint: hash of its weights.
    data: hash of the evaluation data.
    num_examples: images that were evaluated.
    granularity: one of `targets.GRANULARITIES`.
    importance: how channels are compared; None for weights.
    metric: what is lost, one of `evaluator.METRICS`.
    recalibrate: training batches for batch norm, 0 for none.
    training: hash of these batches, None for none.
  """

  model: str
  checkpoint: str
  data: str
  num_examples: int
  granularity: str
  importance: Optional[str]
  metric: str
  recalibrate: int
  training: Optional[str] = None

  def check_same(self, other: 'Setup', path: str) -> None:
    """Raises `InputError` naming the file and the first difference."""
    # More images, or other batches, are other data too: what was asked for is
    # named before what came of it.
    for field in sorted(self._fields, key=lambda name: name in _READ):
      ours, theirs = getattr(self, field), getattr(other, field)
      if ours == theirs:
        continue
      if field in _FINGERPRINTS:
        raise errors.InputError(
          f'{path} was measured on another {_FINGERPRINTS[field]}: its '
          f'fingerprint is {str(theirs)[:12]}, not {str(ours)[:12]}'
        )
      raise errors.InputError(
        f'{path} was measured with {field} {theirs}, not {ours}'
      )


class Layer(NamedTuple):
  """A target and what was measured of it.

  Attributes:
    name: of the target.
    layers: all its layers.
    size: number of channels or weights.
    points: metrics by ratio.
  """

  name: str
  layers: Sequence[str]
  size: int
  points: Dict[float, Metrics]


class Results(NamedTuple):
  """All that a file holds.

  Attributes:
    setup: what the figures belong to.
    baseline: metrics of the unpruned model; None while they are not known.
    layers: every target of the model in its order, measured or not.
    costs: of the model.
  """

  setup: Setup
  baseline: Optional[Metrics]
  layers: List[Layer]
  costs: costs_lib.Costs

  @property
  def measured(self) -> List[Layer]:
    """The layers with points."""
    return [layer for layer in self.layers if layer.points]

  def merged(self, other: 'Results', path: str) -> 'Results':
    """Joins the points of another part of the same analysis.

    Args:
      other: the other part.
      path: where it was read from, for the error.

    Raises:
      InputError: it is of another analysis, or its figures are others.
    """
    self.setup.check_same(other.setup, path)
    if [layer[:3] for layer in self.layers] != [
      layer[:3] for layer in other.layers
    ]:
      raise errors.InputError(f'{path} lists other layers')
    _check_equal(self.baseline, other.baseline, f'{path}: baseline')
    layers = []
    for ours, theirs in zip(self.layers, other.layers):
      for ratio, metrics in theirs.points.items():
        what = f'{path}: {ours.name} at {ratio}'
        _check_equal(ours.points.get(ratio), metrics, what)
      points = {**theirs.points, **ours.points}
      layers.append(ours._replace(points=dict(sorted(points.items()))))
    return self._replace(
      baseline=self.baseline or other.baseline, layers=layers
    )

  def with_point(self, name: str, ratio: float, metrics: Metrics) -> 'Results':
    """Adds a point of a layer."""
    return self._replace(
      layers=[
        layer._replace(
          points=dict(sorted(list(layer.points.items()) + [(ratio, metrics)]))
        )
        if layer.name == name
        else layer
        for layer in self.layers
      ]
    )

  def save(self, path: str) -> None:
    """Writes the file; a reader sees the old one or the new one whole."""
    content = {
      'format': file_checks.FORMAT,
      'setup': self.setup._asdict(),
      'baseline': self.baseline,
      'layers': [
        {
          'name': layer.name,
          'layers': list(layer.layers),
          'size': layer.size,
          'points': {str(r): metrics for r, metrics in layer.points.items()},
        }
        for layer in self.layers
      ],
      'costs': self.costs.to_json(),
    }
    atomic_files.write(path, _text(content) + '\n')


def load(path: str) -> Results:
  """Reads a file.

  Raises:
    InputError: it is not there, or damaged, or no file of this kind.
  """
  try:
    with open(path) as file:
      content = json.load(file)
    file_checks.check(content)
    return Results(
      Setup(**content['setup']),
      content['baseline'],
      [_layer(entry) for entry in content['layers']],
      costs_lib.from_json(content['costs']),
    )
  except FileNotFoundError:
    raise errors.InputError(f'no sensitivities at {path!r}')
  except (ValueError, TypeError, OverflowError) as error:
    raise errors.InputError(f'{path} is no whole sensitivity file: {error}')


def merge(paths: Sequence[str]) -> Results:
  """Reads the parts of an analysis and joins them.

  Raises:
    InputError: a file cannot be used, or is of another analysis.
  """
  found = load(paths[0])
  for path in paths[1:]:
    found = found.merged(load(path), path)
  return found


def _layer(entry: Dict[str, Any]) -> Layer:
  points = {float(ratio): each for ratio, each in entry['points'].items()}
  return Layer(
    entry['name'], entry['layers'], entry['size'], dict(sorted(points.items()))
  )


def _check_equal(
  ours: Optional[Metrics], theirs: Optional[Metrics], what: str
) -> None:
  if ours is None or theirs is None:
    return
  for name, value in ours.items():
    bound = _TOLERANCE * max(1.0, abs(value))
    if name not in theirs or abs(theirs[name] - value) > bound:
      raise errors.InputError(
        f'{what}: {name} is {theirs.get(name)} in one part and {value} in the '
        'other, so they were not measured alike'
      )


def _text(content: Dict[str, Any]) -> str:
  """Lays JSON out with a line for each point and each term."""
  parts = []
  for name in ('format', 'setup', 'baseline'):
    text = json.dumps(content[name], indent=1).replace('\n', '\n ')
    parts.append(f' {json.dumps(name)}: {text}')
  layers = [_layer_text(layer) for layer in content['layers']]
  parts.append(' "layers": [\n' + ',\n'.join(layers) + '\n ]')
  terms = ['  ' + json.dumps(term) for term in content['costs']]
  parts.append(' "costs": [\n' + ',\n'.join(terms) + '\n ]')
  return '{\n' + ',\n'.join(parts) + '\n}'


def _layer_text(layer: Dict[str, Any]) -> str:
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
