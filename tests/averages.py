"""Checkpoints whose weights differ from their moving averages."""

from object_detection.protos import pipeline_pb2

from object_detection_pruning.core import moving_averages

_TRAINED = ('weights', 'depthwise_weights', 'biases', 'gamma', 'beta')


def into_averages(tensors):
  """Gives a checkpoint whose averages are the weights of another.

  Its own weights are others, so that nobody takes them unnoticed.
  """
  result = dict(tensors)
  for name, value in tensors.items():
    if name.rpartition('/')[2] in _TRAINED:
      result[moving_averages.name_of(name)] = value
      result[name] = value[..., ::-1] * 0.5 + 0.1
  return result


def evaluating(config):
  """Copies a config, to evaluate moving averages."""
  result = pipeline_pb2.TrainEvalPipelineConfig()
  result.CopyFrom(config)
  result.eval_config.use_moving_averages = True
  return result
