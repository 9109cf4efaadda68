"""Configs that train on from the weights of a detector."""

import os
import shlex

from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline


def from_checkpoint(
  config: pipeline_pb2.TrainEvalPipelineConfig, prefix: str
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a config so that training starts from all weights of a checkpoint.

  Filters are not pruned softly by it, since what that has found weak is gone
  where the checkpoint is a narrow one.

  Args:
    config: of a detector.
    prefix: of a checkpoint of the same detector.
  """
  result = pipeline_pb2.TrainEvalPipelineConfig()
  result.CopyFrom(config)
  train = result.train_config
  train.fine_tune_checkpoint = prefix
  train.fine_tune_checkpoint_type = 'detection'
  train.load_all_detection_checkpoint_vars = True
  message = pipeline.pruning_message(result)
  message.ClearField('soft_filter_pruning')
  # Its weights are those of the network before.
  pipeline.clear_rewinding(message)
  if not message.ListFields():
    return pipeline.without_pruning_message(result)
  return result


def fitted(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Makes model_main fit the learning rate to the steps that it is given.

  What is pruned is trained on for other steps than the dense model was.

  Args:
    config: of a pruned detector, changed in place.

  Returns:
    The same config.
  """
  pipeline.pruning_message(config).fit_learning_rate = True
  return config


def next_command(folder: str) -> str:
  """Gives the line that says how to train on what is in a folder."""
  path = shlex.quote(os.path.join(folder, pipeline.FILE_NAME))
  return (
    f'to train it on: odp model_main --pipeline_config_path={path} '
    '--model_dir=NEW_FOLDER --num_train_steps=STEPS; the learning rate is '
    'fitted to STEPS'
  )
