"""What a pipeline config may ask for and the modern stack does not have."""

from typing import Iterator

from object_detection.protos import pipeline_pb2

from object_detection_pruning.common import errors, stacks


def check(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks that this TensorFlow can build what a config asks for.

  Args:
    config: a pipeline config that a model is built from.

  Raises:
    InputError: it needs `tf.contrib`, which the modern stack does not have.
  """
  if stacks.current() == stacks.CLASSIC:
    return
  for what in _needing_contrib(config):
    raise errors.InputError(stacks.needs_classic(what))


def check_training(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks the same, and what only training asks for; see `check`."""
  check(config)
  if stacks.current() == stacks.CLASSIC:
    return
  if config.train_config.optimizer.use_moving_average:
    raise errors.InputError(
      stacks.needs_classic('optimizer.use_moving_average: true')
      + ', or set it to false'
    )
  for option in config.train_config.data_augmentation_options:
    if option.WhichOneof('preprocessing_step') == 'autoaugment_image':
      raise errors.InputError(stacks.needs_classic('autoaugment_image'))


def _needing_contrib(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> Iterator[str]:
  if config.HasField('graph_rewriter'):
    yield 'graph_rewriter (quantisation)'
  model = config.model.WhichOneof('model')
  if model == 'ssd':
    matcher = config.model.ssd.matcher.WhichOneof('matcher_oneof')
    if matcher == 'bipartite_matcher':
      yield 'bipartite_matcher'
