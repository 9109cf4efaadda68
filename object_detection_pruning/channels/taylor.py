"""First-order Taylor importance, from a few training batches.

Molchanov et al. 2019: what the loss would change by if a filter were zero is,
to the first order, the sum of weight times gradient over the filter.
"""

from typing import Dict, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import training_graph
from object_detection_pruning.channels import criteria, groups
from object_detection_pruning.common import checks
from object_detection_pruning.core import criteria as core_criteria
from object_detection_pruning.core import moving_averages
from object_detection_pruning.export import stripping


class Taylor(criteria.ChannelCriterion):
  """Change of the loss, to the first order (Molchanov et al. 2019)."""

  form = 'taylor'
  needs = frozenset({core_criteria.GRADIENTS, core_criteria.TRAINING_DATA})
  is_repeatable = False

  def scores(
    self,
    chosen: Sequence[groups.ChannelGroup],
    tensors: Dict[str, np.ndarray],
    training_input: Optional[criteria.TrainingInput] = None,
  ) -> Dict[str, np.ndarray]:
    config, with_masks, num_batches = training_input
    changes = measure(config, with_masks, chosen, num_batches)
    return {
      name: criteria.normalized(change) for name, change in changes.items()
    }


def measure(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  tensors: Dict[str, np.ndarray],
  chosen: Sequence[groups.ChannelGroup],
  num_batches: int,
) -> Dict[str, np.ndarray]:
  """Averages |sum of weight * gradient| of each channel's filters.

  Args:
    config: the pipeline config, for the training input and the loss.
    tensors: the checkpoint by name.
    chosen: the groups to measure.
    num_batches: training batches to average over.

  Returns:
    float64 [channels] by group name.

  Raises:
    InputError: the checkpoint does not fit, or the training input is missing,
      damaged or ends early.
  """
  checks.count('taylor_batches', num_batches)
  tensors = moving_averages.evaluated(config, tensors)
  with tf.Graph().as_default() as graph:
    spec = training_graph.build(config)
    variables = {
      v.op.name: v
      for v in graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
    }
    gradients = _gradients(spec.loss, variables, chosen)
    totals = {group.name: np.zeros(group.size) for group in chosen}
    # A gradient reaches masked weights too, which are zero in the network.
    weights = stripping.strip(tensors).tensors
    with training_graph.restored_session(tensors) as session:
      for values in training_graph.run_batches(
        config, session, gradients, num_batches, 'taylor'
      ):
        for group in chosen:
          totals[group.name] += _changes(group, weights, values)
  return {name: total / num_batches for name, total in totals.items()}


def _gradients(loss, variables, chosen) -> Dict[str, tf.Tensor]:
  names = sorted(
    {
      part.variable
      for group in chosen
      for part in group.slices
      if part.is_output and part.variable in variables
    }
  )
  found = tf.gradients(loss, [variables[name] for name in names])
  return {
    name: gradient
    for name, gradient in zip(names, found)
    if gradient is not None
  }


def _changes(group, weights, gradients) -> np.ndarray:
  change = np.zeros(group.size)
  for part in group.slices:
    if part.is_output and part.variable in gradients:
      product = weights[part.variable] * gradients[part.variable]
      change += criteria.slice_rows(part, product).sum(1)
  return np.abs(change)
