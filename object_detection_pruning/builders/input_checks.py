"""Checks that what a pipeline config refers to is there, before a long run."""

from typing import List

from object_detection import eval_util
from object_detection.protos import (
  eval_pb2,
  input_reader_pb2,
  pipeline_pb2,
  train_pb2,
)

from object_detection_pruning.builders import dataset_weights, pipeline
from object_detection_pruning.common import checkpoints, checks, errors, paths
from object_detection_pruning.dataset_tools import record_reader

_TRAIN = 'train_input_reader'
_EVAL = 'eval_input_reader'


def check_train_config(train: train_pb2.TrainConfig) -> None:
  """Checks the training section of a config.

  Raises:
    InputError: something without which the stock trainer cannot work is
      missing or wrong; the line names the field.
  """
  checks.count('train_config.batch_size', train.batch_size)
  optimizer = train.optimizer.WhichOneof('optimizer')
  if optimizer is None:
    raise errors.InputError(
      'train_config.optimizer is not set: it must hold an optimizer such as '
      'momentum_optimizer'
    )
  rate = getattr(train.optimizer, optimizer).learning_rate
  if rate.WhichOneof('learning_rate') is None:
    raise errors.InputError(
      f'train_config.optimizer.{optimizer}.learning_rate is not set'
    )


def check_start(train: train_pb2.TrainConfig) -> None:
  """Raises `InputError` where the checkpoint to start from is not there."""
  start = train.fine_tune_checkpoint
  if start and not checkpoints.exists(checkpoints.prefix_of(start)):
    raise errors.InputError(
      'train_config.fine_tune_checkpoint must be the prefix of a checkpoint, '
      f'got {start!r}'
    )


def check_metrics(eval_config: eval_pb2.EvalConfig) -> None:
  """Checks that the stock code of this stack has the metrics of a config.

  Raises:
    InputError: one of them is none of its sets.
  """
  known = eval_util.EVAL_METRICS_CLASS_DICT
  for name in eval_config.metrics_set:
    if name not in known:
      raise errors.InputError(
        f'eval_config.metrics_set must be of {", ".join(sorted(known))}, got '
        f'{name!r}'
      )


def check_masks_loaded(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks that all readers load the masks that a model is trained with.

  Raises:
    InputError: a reader of a model that predicts masks loads none.
  """
  _check_loads_masks(_TRAIN, config.train_input_reader, config)
  for reader in config.eval_input_reader:
    _check_loads_masks(_EVAL, reader, config)


def check_training(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks that a config can be trained, and that its training data is there.

  Raises:
    InputError: as in `check_train_config`, or a file is missing.
  """
  check_train_config(config.train_config)
  check_start(config.train_config)
  check_training_data(config)


def check_evaluation(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks that a config names evaluation data, and that it is there.

  Raises:
    InputError: a file is missing, the config has no `eval_input_reader`, or as
      in `check_metrics` and `check_masks_loaded`.
  """
  check_metrics(config.eval_config)
  if not config.eval_input_reader:
    raise errors.InputError(f'{_EVAL} is not set')
  for reader in config.eval_input_reader:
    _check_reader(_EVAL, reader, config)


def check_training_data(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks that the training data that a config names is there."""
  _check_reader(_TRAIN, config.train_input_reader, config)


def record_paths(config: pipeline_pb2.TrainEvalPipelineConfig) -> List[str]:
  """Lists the patterns of all record files that a config names."""
  return [
    path
    for reader in [config.train_input_reader, *config.eval_input_reader]
    for path in reader.tf_record_input_reader.input_path
  ]


def _check_loads_masks(
  name: str,
  reader: input_reader_pb2.InputReader,
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> None:
  if pipeline.predicts_masks(config) and not reader.load_instance_masks:
    raise errors.InputError(
      f'{name}.load_instance_masks must be true, since the model predicts '
      'instance masks'
    )


def _check_reader(
  name: str,
  reader: input_reader_pb2.InputReader,
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> None:
  if reader.WhichOneof('input_reader') is None:
    raise errors.InputError(
      f'{name} has no input: it must hold a tf_record_input_reader'
    )
  _check_loads_masks(name, reader, config)
  # Training works without a label map, evaluation does not.
  if reader.label_map_path or name == _EVAL:
    paths.file_to_read(f'{name}.label_map_path', reader.label_map_path)
  if not reader.HasField('tf_record_input_reader'):
    return
  dataset_weights.check(name, reader)
  patterns = list(reader.tf_record_input_reader.input_path)
  found = record_reader.match(patterns)
  if not found:
    raise errors.InputError(
      f'{name} names no file that exists: input_path is '
      + (', '.join(patterns) or 'not set')
    )
  # The stock reader would look for an example in them for ever.
  if all(map(record_reader.is_empty, found)):
    raise errors.InputError(
      f'{name} names files without a single example, such as {found[0]}'
    )
