"""A look at the dense network: what zeros in each layer would cost.

Errors of a layer are those of its own outputs, with inputs of the dense
network. What they cost at the outputs of the detector follows from gradients.
"""

from concurrent import futures
from typing import Dict, List, NamedTuple, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, progress
from object_detection_pruning.reconstruction import (
  admm,
  kernel_layers,
  layerwise,
)
from object_detection_pruning.reconstruction import network as networks

LEVELS = (0.3, 0.5, 0.65, 0.78, 0.87, 0.93, 0.97, 0.99)
_MAX_ROWS = 15000
_ROWS_OF_AN_INPUT = 4


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


def enough_photos(
  network: networks.Network,
  fed: networks.Feeds,
  layers: Sequence[kernel_layers.KernelLayer],
) -> int:
  """Gives how many photos have the rows that a survey needs of each layer.

  Args:
    network: of the graph.
    fed: what is fed for a photo; others are taken to be as large.
    layers: those to survey.
  """
  with network.graph.as_default():
    shapes = [
      tf.shape(network.tensor(site.node))
      for layer in layers
      for site in layer.sites
    ]
  found = iter(network.run(shapes, fed, network.dense))
  result = 1
  for layer in layers:
    positions = sum(np.prod(next(found)[:-1]) for _ in layer.sites)
    inputs = np.prod(layer.kernel.shape[:-1])
    rows = min(_MAX_ROWS, _ROWS_OF_AN_INPUT * inputs)
    result = max(result, -(-rows // max(1, positions)))
  return int(result)


def survey(
  walk,
  layers: Sequence[kernel_layers.KernelLayer],
  request,
  costs: Dict[str, np.ndarray],
  pool: futures.Executor,
) -> List[LayerSurvey]:
  """Surveys layers.

  Args:
    walk: carries the dense network along.
    layers: those to prune, in the order of the graph.
    request: settings.
    costs: of errors, from `output_cost`.
    pool: threads; a layer is solved while photos are carried to the next ones.
  """
  max_rows = min(_MAX_ROWS, request.max_rows)
  solving: List[futures.Future] = []
  for layer in progress.over(layers, 'layers surveyed'):
    walk.reach(layer)
    observed = walk.observe(layer, max_rows)
    # Moments of two layers at a time are all that memory should hold.
    futures.wait(solving[-1:])
    solving.append(
      pool.submit(
        _survey_layer,
        layer,
        observed,
        request,
        costs.get(layer.constant),
        len(walk),
      )
    )
  return [each.result() for each in solving]


def _survey_layer(layer, observed, request, weights, photos) -> LayerSurvey:
  problem = layerwise.problem(layer, observed, weights, request.ridge)
  solver = admm.Solver(problem, layerwise.shape_of(layer), request.pattern)
  power = float(problem.power() @ problem.output_weights) or 1.0
  found = [
    float(lost @ problem.output_weights) for lost in solver.curve(LEVELS)
  ]
  if not np.isfinite([power] + found).all():
    raise errors.InputError(
      f'what zeros cost in layer {layer.name} is not a number: its inputs on '
      'these photos, or its weights, are too large; train the model further, '
      'or exclude the layer'
    )
  costs = np.array([0.0] + found)
  positions = sum(moments.positions for moments in observed.values()) / photos
  return LayerSurvey(costs / power, costs, positions)
