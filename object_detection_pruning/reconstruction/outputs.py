"""Writes a pruned model: a frozen graph, or a checkpoint with masks."""

import os
from typing import Dict, Iterable, Sequence

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import retraining
from object_detection_pruning.common import (
  atomic_files,
  checkpoints,
  errors,
  project_log,
)
from object_detection_pruning.core import kernels, moving_averages
from object_detection_pruning.graphs import portable
from object_detection_pruning.reconstruction import model as models
from object_detection_pruning.reconstruction import network as networks

CHECKPOINT = 'model.ckpt'
FROZEN_GRAPH = 'frozen_inference_graph.pb'
REPORT = 'pruning.json'


def write_graph(
  model: models.Model, values: networks.Values, path: str
) -> None:
  """Writes the model as a frozen graph with other constants."""
  graph_def = models.with_values(model, values)
  with atomic_files.writing(path) as (temporary,), open(
    temporary, 'wb'
  ) as file:
    file.write(portable.serialized(graph_def))


def with_values(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  tensors: Dict[str, np.ndarray],
  values: networks.Values,
) -> Dict[str, np.ndarray]:
  """Puts fitted kernels and shifts into a checkpoint.

  Args:
    config: of the dense model.
    tensors: of the dense model, by name.
    values: kernels and shifts by the name of their variable, in any shape of
      the same size.

  Returns:
    All tensors. Values were fitted to what evaluation reads, so where these are
    moving averages, all variables are theirs: training begins with them.

  Raises:
    InputError: a constant of the graph is no variable of the checkpoint.
  """
  result = dict(moving_averages.evaluated(config, tensors))
  if config.HasField('graph_rewriter'):
    project_log.say(
      'ranges for 8 bits in the checkpoint are those before pruning: train it '
      'on for some steps before export_tflite, or weights are clipped'
    )
  for name, value in values.items():
    if name not in tensors:
      raise errors.InputError(f'the checkpoint has no variable {name}')
    result[name] = value.reshape(tensors[name].shape).astype(
      tensors[name].dtype
    )
    average = moving_averages.name_of(name)
    if average in result:
      result[average] = result[name]
  return result


def masked_tensors(
  tensors: Dict[str, np.ndarray],
  pruned: Sequence[str],
  masks: Dict[str, np.ndarray],
) -> Dict[str, np.ndarray]:
  """Gives the variables of a pruned model with masks beside its kernels.

  Every kernel that a masked model masks gets a mask, so that training can go
  on; depthwise ones do if one of them had a mask. It keeps the zeros of kernels
  that were sparse before, and holds ones where nothing was ever pruned.

  Args:
    tensors: of the pruned model, by name, without masks.
    pruned: names of the kernels that were pruned.
    masks: that the dense model had, by the names of their kernels.
  """
  kinds = {kernels.DENSE}
  if _masks_depthwise(masks):
    kinds.add(kernels.DEPTHWISE)
  result = dict(tensors)
  for name, value in tensors.items():
    if kernels.kind_of(name, value.ndim) not in kinds:
      continue
    if name in pruned:
      kept = value != 0
    elif name in masks:
      # A layer that is left dense is refitted, and may use all its weights.
      kept = (masks[name] != 0) | (value != 0)
    else:
      kept = kernels.kept_weights(value)
    mask, threshold = kernels.mask_names(name)
    result[mask] = kept.astype(np.float32)
    # Masks are not of a magnitude, so none tells them.
    result[threshold] = np.float32(0)
  return result


def _masks_depthwise(names: Iterable[str]) -> bool:
  """Tells whether one of these kernels is depthwise."""
  return any(kernels.kind_of(n, 4) == kernels.DEPTHWISE for n in names)


def write_checkpoint(config, tensors, folder: str) -> str:
  """Writes a checkpoint and its config; returns the checkpoint's prefix.

  Training with the config starts from the checkpoint and builds all masks. It
  leaves them as they are, whatever schedule the dense model was trained with.
  """
  prefix = os.path.join(folder, CHECKPOINT)
  checkpoints.write(prefix, tensors)
  masked = retraining.from_checkpoint(config, prefix)
  message = pipeline.pruning_message(masked)
  widths = list(message.layer_width)
  message.Clear()
  message.layer_width.extend(widths)
  message.include.append('')
  shapes = {name: value.shape for name, value in tensors.items()}
  if _masks_depthwise(kernels.kernels_with_masks(shapes)):
    message.mask_depthwise = True
  pipeline.save(retraining.fitted(masked), folder)
  checkpoints.name_latest(prefix)
  return prefix
