"""Exact batch-norm statistics for a checkpoint, from training images."""

from typing import Dict, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.batch_norm import moving_statistics
from object_detection_pruning.builders import (
  inference_graph,
  input_checks,
  pipeline,
  pruning_builder,
  training_graph,
)
from object_detection_pruning.common import (
  checkpoints,
  checks,
  errors,
  finite,
)
from object_detection_pruning.core import checkpoint_masks, moving_averages


class NothingToRecalibrate(errors.InputError):
  """All batch norm of the model is frozen, or it has none."""


def recalibrate(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  num_batches: int,
  output_prefix: str,
) -> int:
  """Writes a checkpoint with re-calibrated batch-norm statistics.

  Runs batches of the config's training input through the training graph,
  changes no weight, and sets each moving mean and variance to the exact
  average over the batches. Frozen batch norm and all other variables are
  copied as they are. Where the config evaluates moving averages of the weights,
  statistics are those of the network with the averages in it.

  Args:
    config: the pipeline config that the checkpoint was trained with.
    checkpoint: prefix of the checkpoint to read.
    num_batches: number of training batches to average over.
    output_prefix: prefix of the checkpoint to write; may be `checkpoint`.

  Returns:
    Number of moving statistics that were set.

  Raises:
    NothingToRecalibrate: all batch norm is frozen.
    InputError: the checkpoint lacks variables of the model, or the model masks
      of the checkpoint, or the training input is missing, damaged or ends
      early.
  """
  checks.count('num_batches', num_batches)
  tensors = checkpoints.read(checkpoint)
  weights = moving_averages.evaluated(config, tensors, checkpoint)
  finite.check(checkpoint, weights)
  averages = _averages(config, weights, num_batches)
  tensors.update(averages)
  checkpoints.write(output_prefix, tensors)
  return len(averages)


def _averages(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  tensors: Dict[str, np.ndarray],
  num_batches: int,
) -> Dict[str, np.ndarray]:
  with tf.Graph().as_default():
    training_graph.build(config)
    checkpoint_masks.check_built(
      'the checkpoint', {name: array.shape for name, array in tensors.items()}
    )
    statistics = moving_statistics.trained_statistics()
    if not statistics:
      frozen = len(moving_statistics.frozen_statistics(statistics))
      raise NothingToRecalibrate(
        'there is no batch norm to re-calibrate: the model trains none of its '
        f'{frozen} moving statistics'
      )
    averages = moving_statistics.Averages(statistics)
    with training_graph.restored_session(tensors) as session:
      for values in training_graph.run_batches(
        config, session, averages.fetches, num_batches, 're-calibrate'
      ):
        averages.add(values)
    return averages.result()


def trains_batch_norm(config: pipeline_pb2.TrainEvalPipelineConfig) -> bool:
  """Tells whether training updates any batch norm, without training data.

  Args:
    config: the pipeline config, with masks and widths in its `pruning` message.
  """
  message = pipeline.pruning_message(config)
  with tf.Graph().as_default(), pruning_builder.network_scope(message):
    model = model_builder.build(config.model, is_training=True)
    shape = [1] + inference_graph.image_size(config) + [3]
    model.provide_groundtruth(
      [tf.constant([[0.2, 0.2, 0.7, 0.7]])],
      [tf.one_hot([0], model.num_classes)],
      groundtruth_masks_list=[tf.ones(shape[:3])],
      groundtruth_weights_list=[tf.ones([1])],
    )
    model.predict(*model.preprocess(tf.zeros(shape)))
    return bool(moving_statistics.trained_statistics())


def batches_for(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  given: Optional[int],
  default: int,
) -> int:
  """Gives how many batches to re-calibrate over, and checks that they exist.

  Args:
    config: the pipeline config.
    given: what the user asked for; None if nothing was said.
    default: in its place, where training updates batch norm.

  Raises:
    InputError: the training data is not there.
  """
  batches = default if given is None else given
  if not batches:
    return 0
  try:
    input_checks.check_training_data(config)
  except errors.InputError as error:
    if given is None and not trains_batch_norm(config):
      return 0
    raise errors.InputError(
      f'{error}; batch norm is re-calibrated from it: mend the config, or pass '
      '--recalibrate_batch_norm=0'
    )
  return batches
