"""A look at the dense network: what zeros in each layer would cost.

Errors of a layer are those of its own outputs, with inputs of the dense
network. What they cost at the outputs of the detector follows from gradients.
"""

from concurrent import futures
from typing import Dict, List, NamedTuple, Sequence

import numpy as np

from object_detection_pruning.common import progress
from object_detection_pruning.reconstruction import (
  admm,
  kernel_layers,
  layerwise,
  observations,
)

LEVELS = (0.3, 0.5, 0.65, 0.78, 0.87, 0.93, 0.97, 0.99)
_MAX_ROWS = 15000


class LayerSurvey(NamedTuple):
  """Of a layer, at each share of zeros of LEVELS with 0 before them.

  Attributes:
    errors: relative squared error of its outputs.
    costs: expected change of the predictions.
    positions: where the kernel is applied, for each photo.
  """

  errors: np.ndarray
  costs: np.ndarray
  positions: float


def survey(
  walk,
  layers: Sequence[kernel_layers.KernelLayer],
  request,
  weights: Dict[str, np.ndarray],
  pool: futures.Executor,
) -> List[LayerSurvey]:
  """Surveys layers.

  Args:
    walk: carries the dense network along.
    layers: those to prune, in the order of the graph.
    request: settings.
    weights: what a squared error of each output costs, by the layer's constant.
    pool: threads; a layer is solved while photos are carried to the next ones.
  """
  setting = observations.Setting(
    min(_MAX_ROWS, request.max_rows), request.focus
  )
  solving: List[futures.Future] = []
  for layer in progress.over(layers, 'layers surveyed'):
    walk.reach(layer)
    observed = walk.observe(layer, setting)
    # Moments of two layers at a time are all that memory should hold.
    futures.wait(solving[-1:])
    solving.append(
      pool.submit(
        _survey_layer,
        layer,
        observed,
        request,
        weights.get(layer.constant),
        len(walk),
      )
    )
  return [each.result() for each in solving]


def _survey_layer(layer, observed, request, weights, photos) -> LayerSurvey:
  problem = layerwise.problem(layer, observed, weights, request.ridge)
  solver = admm.Solver(problem, layerwise.shape_of(layer), request.pattern)
  power = float(problem.power() @ problem.output_weights) or 1.0
  found = [
    float(errors @ problem.output_weights) for errors in solver.curve(LEVELS)
  ]
  costs = np.array([0.0] + found)
  positions = sum(moments.positions for moments in observed.values()) / photos
  return LayerSurvey(costs / power, costs, positions)
