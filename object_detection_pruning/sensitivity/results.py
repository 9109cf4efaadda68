"""What an analysis measured, and the curve of each layer."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.evaluation import evaluator
from object_detection_pruning.sensitivity import costs as costs_lib
from object_detection_pruning.sensitivity import prunables

# Other machines round otherwise, and a rank of two detections may change.
_TOLERANCE = 2e-3
# A random choice among few boxes gets as much by chance.
_LEAST_METRIC = 0.01
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
    granularity: one of `prunables.GRANULARITIES`.
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
  """A prunable and what was measured of it.

  Attributes:
    name: of the prunable.
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
    layers: every prunable of the model in its order, measured or not.
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

  def doubt(self) -> Optional[str]:
    """Says why losses mean nothing, where the model has nothing to lose."""
    metric = self.setup.metric
    if metric == evaluator.LOSS or self.baseline is None:
      return None
    value = self.baseline[metric]
    if value >= _LEAST_METRIC:
      return None
    return (
      f'the {metric} of the unpruned model is {value:.4f}: the losses are '
      'shares of that, and noise. Train it further, evaluate on more images, '
      'or take --metric=loss'
    )

  def curves(self) -> Dict[str, 'Curve']:
    """Gives the curves of the layers that were measured, by name."""
    return {layer.name: self._curve(layer) for layer in self.measured}

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

  def losses(self, layer: Layer) -> Dict[float, float]:
    """Gives what a layer loses at each ratio that was asked for."""
    metric = self.setup.metric
    return {
      ratio: relative_loss(metric, metrics[metric], self.baseline[metric])
      for ratio, metrics in sorted(layer.points.items())
    }

  def _curve(self, layer: Layer) -> 'Curve':
    points = {0.0: 0.0}
    for ratio, loss in self.losses(layer).items():
      share = self._share(layer, ratio)
      # Of a small group, several ratios may be the same channels, or none.
      if share:
        points[share] = max(loss, points.get(share, loss))
    return Curve(*(tuple(values) for values in zip(*sorted(points.items()))))

  def _share(self, layer: Layer, ratio: float) -> float:
    """Gives what went of a layer when a ratio was measured."""
    if self.setup.granularity != prunables.FILTER:
      return ratio
    return prunables.num_removed(layer.size, ratio) / layer.size


class Curve(NamedTuple):
  """What a layer loses by ratio: straight lines through the measured points.

  They start at (0, 0). A ratio is what really went, in whole channels. A loss
  is a share of the unpruned model's metric: 0.05 is a twentieth of its mAP, or,
  where the metric is the loss of training, a twentieth more of it.

  Attributes:
    ratios: ascending, the first is 0.
    losses: at these, as measured; below 0 where pruning helps.
  """

  ratios: Tuple[float, ...]
  losses: Tuple[float, ...]

  def loss(self, ratio: float) -> float:
    """Gives the loss at a ratio, 0 at least; infinite beyond the last point."""
    if ratio > self.ratios[-1] + 1e-9:
      return float('inf')
    return float(np.interp(ratio, self.ratios, np.maximum(self.losses, 0)))

  def largest_ratio(self, bound: float) -> float:
    """Gives the largest measured ratio whose loss is not above a bound."""
    losses = np.maximum(self.losses, 0)
    for left in range(len(losses) - 1, -1, -1):
      if losses[left] > bound:
        continue
      if left + 1 == len(losses):
        return self.ratios[left]
      rise = losses[left + 1] - losses[left]
      step = self.ratios[left + 1] - self.ratios[left]
      return self.ratios[left] + step * (bound - losses[left]) / rise
    return 0.0


def relative_loss(metric: str, value: float, baseline: float) -> float:
  """Gives what is lost, as a share of the baseline."""
  gained = (value - baseline) / baseline
  return gained if metric == evaluator.LOSS else -gained


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
