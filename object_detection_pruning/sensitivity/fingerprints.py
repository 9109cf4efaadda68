"""Hashes that tell whether figures belong to a model and its weights."""

import hashlib
from typing import Dict, Iterable

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning


def of_model(config: pipeline_pb2.TrainEvalPipelineConfig) -> str:
  """Gives the hash of the model that a config describes, widths included."""
  widths = [
    width.SerializeToString(deterministic=True)
    for width in pipeline.pruning_message(config).layer_width
  ]
  model = pipeline.as_stock(config).model
  return of_parts(
    [model.SerializeToString(deterministic=True)] + sorted(widths)
  )


def of_checkpoint(
  network: pruning.Network, tensors: Dict[str, np.ndarray]
) -> str:
  """Gives the hash of the weights that detection reads.

  Args:
    network: from `channels.pruning.analyze`.
    tensors: the checkpoint by name, masks folded in.
  """
  return of_parts(
    part
    for name in sorted(network.shapes)
    for part in (name.encode(), np.ascontiguousarray(tensors[name]).tobytes())
  )


def of_parts(parts: Iterable[bytes]) -> str:
  """Gives the hash of parts, each of which ends where the next begins."""
  result = hashlib.sha256()
  for part in parts:
    result.update(hashlib.sha256(part).digest())
  return result.hexdigest()
