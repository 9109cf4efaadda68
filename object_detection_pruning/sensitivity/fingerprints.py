"""Hashes that tell whether figures belong to a model and its weights."""

import hashlib
from typing import Dict, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning
from object_detection_pruning.common import hashes


def of_model(config: pipeline_pb2.TrainEvalPipelineConfig) -> str:
  """Gives the hash of the model that a config describes, widths included."""
  widths = [
    width.SerializeToString(deterministic=True)
    for width in pipeline.pruning_message(config).layer_width
  ]
  model = pipeline.as_stock(config).model
  return hashes.of_parts(
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
  return hashes.of_parts(
    part
    for name in sorted(network.shapes)
    for part in (name.encode(), np.ascontiguousarray(tensors[name]).tobytes())
  )


def of_examples(
  input_reader: input_reader_pb2.InputReader, examples: Sequence[bytes]
) -> str:
  """Gives the hash of what a reader reads.

  Args:
    input_reader: names the label map.
    examples: serialized, from `eval_inputs.serialized`.
  """
  result = hashlib.sha256()
  # Training does without one.
  if input_reader.label_map_path:
    with tf.gfile.GFile(input_reader.label_map_path, 'rb') as file:
      result.update(file.read())
  for example in examples:
    result.update(hashlib.sha256(example).digest())
  return result.hexdigest()
