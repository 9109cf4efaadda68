"""Finds out what a model costs, whatever kind of file it is in."""

import os
from typing import Optional

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.graphs import importing
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.inference import model_files, saved_model
from object_detection_pruning.inspection import (
  checkpoint_cost,
  graph_cost,
  tflite_cost,
)
from object_detection_pruning.inspection.model_cost import ModelCost
from object_detection_pruning.sparse_ops import loading


def measure(
  path: str, image: np.ndarray, pipeline_config_path: Optional[str] = None
) -> ModelCost:
  """Counts weights and multiplications of a model.

  Args:
    path: frozen graph, sparse graph, folder of a SavedModel, `.tflite` file,
      prefix of a checkpoint, or a folder whose latest checkpoint is taken.
    image: uint8 [height, width, 3], RGB, for models that take any size.
    pipeline_config_path: config of a checkpoint; without it the MACs of a
      checkpoint are not known.

  Raises:
    InputError: there is no such model, or the config is not that of the
      checkpoint.
  """
  prefix = _checkpoint(path)
  if prefix:
    return _measure_checkpoint(prefix, pipeline_config_path, image)
  kind = model_files.kind_of(path)
  if pipeline_config_path:
    raise errors.InputError(
      f'a pipeline config goes with a checkpoint only, and {path} is of the '
      f'kind {kind}, which tells its MACs by itself'
    )
  if kind == model_files.TFLITE:
    return tflite_cost.measure(path)
  return graph_cost.measure(frozen_graph_def(path), image)


def frozen_graph_def(path: str) -> GraphDef:
  """Reads a graph, with the values of its variables as constants.

  Args:
    path: frozen graph, sparse graph or folder of a SavedModel.

  Raises:
    InputError: there is no such model.
  """
  if model_files.kind_of(path) != model_files.SAVED_MODEL:
    return loading.read_graph_def(path)
  session, meta_graph = saved_model.open_session(path)
  signatures = meta_graph.signature_def.values()
  outputs = sorted(
    {info.name.split(':')[0] for s in signatures for info in s.outputs.values()}
  )
  try:
    with session, session.graph.as_default():
      return tf.graph_util.convert_variables_to_constants(
        session, meta_graph.graph_def, outputs
      )
  except importing.FAILURES + (AssertionError, KeyError) as error:
    raise errors.InputError(
      f'the variables of {path} cannot be read: {importing.reason(error)}'
    )


def _checkpoint(path: str) -> Optional[str]:
  """The prefix of a checkpoint, or None where the path is of another model."""
  prefix = checkpoints.prefix_of(path)
  if tf.gfile.Exists(prefix + '.index'):
    return prefix
  if not os.path.isdir(path) or model_files.is_export(path):
    return None
  return checkpoints.resolve(path)


def _measure_checkpoint(
  prefix: str, pipeline_config_path: Optional[str], image: np.ndarray
) -> ModelCost:
  tensors = checkpoints.read(prefix)
  if not pipeline_config_path:
    return checkpoint_cost.measure(tensors)
  network = pruning.analyze(
    pipeline.load(pipeline_config_path), image.shape[:2]
  )
  surgery.check_fits(network.shapes, tensors)
  cost = checkpoint_cost.measure(tensors, network.positions)
  for layer in cost.layers:
    if layer.positions is None:
      raise errors.InputError(
        f'{prefix} does not fit {pipeline_config_path}: the layer {layer.name} '
        'is not in its model'
      )
  return cost
