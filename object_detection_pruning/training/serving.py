"""The SavedModel that a finished training run leaves, without masks."""

import os
import tempfile
from typing import Any, Callable, Dict, Optional

import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.export import exporter

# The name that stock training gives it.
_NAME = 'Servo'


class ServingExporter(tf.estimator.Exporter):
  """Exports the last checkpoint with its masks folded into the kernels.

  Signature, inputs and outputs are those of stock training's export.
  """

  def __init__(
    self,
    config: pipeline_pb2.TrainEvalPipelineConfig,
    create_run: Callable[..., Dict[str, Any]],
  ):
    """Keeps what the network is built from.

    Args:
      config: pipeline config of the run.
      create_run: `model_lib.create_estimator_and_inputs`.
    """
    self._config, self._create_run = config, create_run

  @property
  def name(self) -> str:
    return _NAME

  def export(
    self,
    estimator: tf.estimator.Estimator,
    export_path: str,
    checkpoint_path: str,
    eval_result: Optional[Dict[str, Any]],
    is_the_final_export: bool,
  ) -> Optional[str]:
    """Writes the SavedModel of a finished run; see `tf.estimator.Exporter`."""
    if not is_the_final_export:
      return None
    stripped = exporter.strip(self._config, checkpoint_path)
    with tempfile.TemporaryDirectory() as folder:
      prefix = os.path.join(folder, os.path.basename(checkpoint_path))
      checkpoints.write(prefix, stripped.tensors)
      run = self._create_run(
        pipeline.as_dense(self._config), tf.estimator.RunConfig(folder)
      )
      return run['estimator'].export_saved_model(
        export_path, run['predict_input_fn'], checkpoint_path=prefix
      )
