"""Writes a pruned model: a frozen graph, or a checkpoint with masks."""

import os
from typing import Dict, Sequence

import numpy as np

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import retraining
from object_detection_pruning.common import atomic_files, checkpoints, errors
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
  tensors: Dict[str, np.ndarray], values: networks.Values
) -> Dict[str, np.ndarray]:
  """Puts fitted kernels and shifts into a checkpoint.

  Args:
    tensors: of the dense model, by name.
    values: kernels and shifts by the name of their variable, in any shape of
      the same size.

  Returns:
    All tensors. Moving averages of changed variables are the new values too,
    since the stock exporter may take them in place of the variables.

  Raises:
    InputError: a constant of the graph is no variable of the checkpoint.
  """
  result = dict(tensors)
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
  values: networks.Values,
  pruned: Sequence[str],
) -> Dict[str, np.ndarray]:
  """Gives the variables of the pruned model, with masks beside its kernels.

  Every kernel that a masked model masks gets a mask, so that training can go
  on. It keeps the zeros of kernels that were sparse before, and holds ones
  where nothing was ever pruned.

  Args:
    tensors: of the dense model, by name.
    values: kernels and shifts by the name of their variable.
    pruned: names of the kernels that were pruned.

  Raises:
    InputError: a constant of the graph is no variable of the checkpoint.
  """
  result = with_values(tensors, values)
  for name, value in tensors.items():
    if kernels.kind_of(name, value.ndim) != kernels.DENSE:
      continue
    mask, threshold = kernels.mask_names(name)
    kept = (
      result[name] != 0
      if name in set(pruned)
      else kernels.kept_weights(result[name])
    )
    result[mask] = kept.astype(np.float32)
    # Masks are not of a magnitude, so none tells them.
    result[threshold] = np.float32(0)
  return result


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
  pipeline.save(masked, folder)
  checkpoints.name_latest(prefix)
  return prefix
