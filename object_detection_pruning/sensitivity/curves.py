"""What is lost by a layer as a function of the share that goes.

A loss is a share of the unpruned model's metric: 0.05 is a twentieth of its
mAP, or, where the metric is the loss of training, a twentieth more of it.
"""

from typing import Dict, List, NamedTuple, Tuple

import numpy as np

from object_detection_pruning.evaluation import evaluator
from object_detection_pruning.sensitivity import results


class Curve(NamedTuple):
  """Straight lines from (0, 0) through the measured points.

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


def of_results(found: results.Results) -> Dict[str, Curve]:
  """Gives the curves of the layers that were measured, by name."""
  return {layer.name: _curve(layer, found) for layer in found.measured}


def relative_loss(metric: str, value: float, baseline: float) -> float:
  """Gives what is lost, as a share of the baseline."""
  gained = (value - baseline) / baseline
  return gained if metric == evaluator.LOSS else -gained


def _curve(layer: results.Layer, found: results.Results) -> Curve:
  metric = found.setup.metric
  points: List[Tuple[float, float]] = [(0.0, 0.0)]
  for ratio, metrics in sorted(layer.points.items()):
    loss = relative_loss(metric, metrics[metric], found.baseline[metric])
    points.append((ratio, loss))
  return Curve(*(tuple(values) for values in zip(*points)))
