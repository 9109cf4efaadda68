"""Configs that train on from the weights of a detector."""

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
