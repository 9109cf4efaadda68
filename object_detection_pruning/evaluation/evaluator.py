"""One graph and one session that evaluate a detector with changed weights."""

from typing import Dict, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2
from object_detection.utils import config_util

from object_detection_pruning.common import sessions
from object_detection_pruning.evaluation import (
  coco_metrics,
  cut_graph,
  eval_graph,
  eval_inputs,
)
from object_detection_pruning.inference import detections

LOSS = 'loss'
METRICS = (coco_metrics.MAP, coco_metrics.AP50, coco_metrics.AP75, LOSS)
# Stands for the loss of a network that overflows: JSON has no infinity.
_OVERFLOWN = float(np.finfo(np.float32).max)


class Evaluator:
  """Evaluates a detector on images that it holds in memory.

  Images are run side by side, each op on one thread, so that the figures do not
  depend on the number of threads. That is so where `sessions.size_pools` made
  the pools of the process; a warning says where it may not be. The graph is not
  rewritten, since that is done in another way where it is cut.
  """

  def __init__(
    self,
    config: pipeline_pb2.TrainEvalPipelineConfig,
    tensors: Dict[str, np.ndarray],
    images: Sequence[eval_inputs.Image],
    metric: str = coco_metrics.MAP,
    threads: Optional[int] = None,
    cache_megabytes: int = 2048,
  ):
    """Builds the graph and restores it.

    Args:
      config: the pipeline config.
      tensors: the checkpoint by name, masks folded in; its weights are taken
        as they are, see `core.moving_averages`.
      images: to evaluate on.
      metric: one of `METRICS`; what the loss needs is built for it alone.
      threads: images that are run at a time; None for the number of cores.
      cache_megabytes: most memory for activations before a layer; where they
        take more, the whole graph is run for each point.
    """
    self._tensors = tensors
    self._has_loss = metric == LOSS
    built = eval_graph.build(config, images, self._has_loss)
    truths = [image.truth for image in images]
    if built.class_agnostic:
      truths = [_of_one_class(truth) for truth in truths]
    self._scorer = coco_metrics.Scorer(
      truths, config_util.get_number_of_classes(config.model)
    )
    with built.graph.as_default():
      names = [variable.op.name for variable in tf.global_variables()]
      initializers = [tf.tables_initializer(), tf.local_variables_initializer()]
    if (sessions.pool_sizes() or (None,))[0] != 1:
      tf.logging.warning(
        'An earlier session made the threads of this process: where these are '
        'several within an op, figures may differ in the last digits.'
      )
    session = sessions.open_session(
      built.graph,
      intra_op=1,
      inter_op=threads or sessions.cores(),
      rewrite=False,
    )
    session.run(initializers)
    self.graph = cut_graph.CutGraph(
      session,
      list(built.inputs.values()),
      built.outputs,
      [built.feeds(image) for image in images],
      threads,
      cache_megabytes,
    )
    self.graph.load({name: tensors[name] for name in names})

  def evaluate(
    self,
    variables: Sequence[str] = (),
    changes: Optional[Dict[str, np.ndarray]] = None,
  ) -> Dict[str, float]:
    """Evaluates with other values of some variables, and restores them.

    Args:
      variables: names of all that a layer's points change; what lies before
        them in the graph is run once, until other variables are given. None at
        all for the detector as it is.
      changes: new values by name, of these variables.

    Returns:
      The metrics by name.
    """
    changes = changes or {}
    foreign = set(changes) - set(variables)
    if foreign:
      raise ValueError(f'{min(foreign)} is not among the variables named')
    if variables:
      self.graph.cut_for(variables)
    self.graph.load(changes)
    try:
      outputs = self.graph.run()
    finally:
      self.graph.load({name: self._tensors[name] for name in changes})
    if self._has_loss:
      loss = float(np.mean([loss for (loss,) in outputs]))
      return {LOSS: loss if np.isfinite(loss) else _OVERFLOWN}
    return self._scorer.score(
      [
        detections.Detections(boxes, class_ids, scores, None)
        for boxes, scores, class_ids in outputs
      ]
    )

  def close(self) -> None:
    """Frees the session and its threads."""
    self.graph.close()


def _of_one_class(truth: coco_metrics.GroundTruth) -> coco_metrics.GroundTruth:
  """Gives all objects the class of detections that have none.

  The stock evaluation does so as well.
  """
  return truth._replace(class_ids=np.ones_like(truth.class_ids))
