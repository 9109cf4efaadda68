"""The SavedModel that training ends with, as the stock trainer names it."""

import os
import tempfile
from typing import Optional

import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import moving_averages
from object_detection_pruning.export import stripping
from object_detection_pruning.training import model_lib

# Where the stock trainer writes it.
_FOLDER = os.path.join('export', 'Servo')
# How the names of folders begin that an Estimator has not finished.
_HALF_WRITTEN = 'temp-'


def export(
  config: pipeline_pb2.TrainEvalPipelineConfig, checkpoint: str, model_dir: str
) -> str:
  """Writes the SavedModel of a checkpoint, with the masks folded in.

  It has the input and outputs of the stock trainer's.

  Args:
    config: the pipeline config.
    checkpoint: prefix of the last checkpoint, as it is after re-calibration.
    model_dir: folder of the training run.

  Returns:
    Its folder, which a time stamp names. One that is as new as the checkpoint
    stays.
  """
  target = os.path.join(model_dir, _FOLDER)
  _tidy(target)
  newest = _newest(target)
  if newest and _changed(newest) > _changed(checkpoint + '.index'):
    return os.path.dirname(newest)
  dense = pipeline.as_dense(config)
  dense.train_config.ClearField('fine_tune_checkpoint')
  with tempfile.TemporaryDirectory() as folder:
    prefix = os.path.join(folder, os.path.basename(checkpoint))
    tensors = moving_averages.evaluated(
      config, checkpoints.read(checkpoint), checkpoint
    )
    checkpoints.write(prefix, stripping.strip(tensors).tensors)
    run = model_lib.create_estimator_and_inputs(
      dense, tf.estimator.RunConfig(model_dir=folder), restored_from=prefix
    )
    written = run['estimator'].export_saved_model(
      target,
      run['predict_input_fn'],
      checkpoint_path=prefix,
    )
  return tf.compat.as_str_any(written)


def _tidy(folder: str) -> None:
  """Removes what a killed run has left half-written."""
  if tf.gfile.IsDirectory(folder):
    for name in tf.gfile.ListDirectory(folder):
      if name.startswith(_HALF_WRITTEN):
        tf.gfile.DeleteRecursively(os.path.join(folder, name))


def _newest(folder: str) -> Optional[str]:
  """The file of the newest SavedModel in a folder; None where there is none."""
  if not tf.gfile.IsDirectory(folder):
    return None
  paths = [
    os.path.join(folder, name, 'saved_model.pb')
    for name in tf.gfile.ListDirectory(folder)
  ]
  return max(filter(tf.gfile.Exists, paths), key=_changed, default=None)


def _changed(path: str) -> int:
  return tf.gfile.Stat(path).mtime_nsec
