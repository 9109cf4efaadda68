"""One line for each evaluation, and for the end of a training run."""

import os
import shlex
from typing import Any, Dict, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, project_log
from object_detection_pruning.core import summaries

# Name of a metric -> what a person calls it, and how it is written.
_FIGURES = {
  'DetectionBoxes_Precision/mAP': 'mAP {:.3f}',
  'DetectionBoxes_Precision/mAP@.50IOU': 'AP50 {:.3f}',
  'DetectionMasks_Precision/mAP': 'mask mAP {:.3f}',
  'PascalBoxes_Precision/mAP@0.5IOU': 'mAP@.5 {:.3f}',
  'OpenImagesV2_Precision/mAP@0.5IOU': 'mAP@.5 {:.3f}',
  'loss': 'loss {:.3f}',
  summaries.MASKED_SPARSITY: 'sparsity of masked kernels {:.4f}',
}


def tell(estimator: tf.estimator.Estimator) -> None:
  """Lets an estimator say in a line what each evaluation gave."""
  evaluate = estimator.evaluate

  def telling(*arguments: Any, **options: Any) -> Dict[str, Any]:
    metrics = evaluate(*arguments, **options)
    project_log.say(f'evaluated: {line(metrics)}')
    return metrics

  estimator.evaluate = telling


def line(metrics: Dict[str, Any]) -> str:
  """Writes the figures of an evaluation that people look at first."""
  step = metrics.get(tf.GraphKeys.GLOBAL_STEP)
  words = [] if step is None else [f'step {step}']
  words += [
    pattern.format(metrics[name])
    for name, pattern in _FIGURES.items()
    if name in metrics
  ]
  return ', '.join(words)


def last_lines(model_dir: str, metrics: Optional[Dict[str, Any]]) -> str:
  """Says what a finished run has reached, and what comes next.

  Args:
    model_dir: folder of the run.
    metrics: of its last evaluation; None where another process evaluates.
  """
  step = checkpoints.global_step(checkpoints.resolve(model_dir))
  reached = line(metrics) if metrics else f'step {step}'
  config = os.path.join(model_dir, pipeline.FILE_NAME)
  arguments = [
    f'--pipeline_config_path={config}',
    f'--checkpoint={model_dir}',
    f'--output_dir={os.path.join(model_dir, "export")}',
  ]
  return (
    f'trained: {reached}\n'
    f'next: odp export_inference_graph {" ".join(map(shlex.quote, arguments))}'
  )
