"""Whether records hold what a config says of them: its classes and masks."""

from typing import Dict, Optional

import tensorflow.compat.v1 as tf
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import label_maps, record_reader
from object_detection_pruning.evaluation import object_classes, record_masks

# A map of other classes shows in the first examples with objects.
_LOOKED_AT = 300


def check_training(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks the first training examples against reader, label map and model.

  The stock reader takes an object of a class that the label map does not have
  for background, and says nothing.

  Raises:
    InputError: an example has a class that is in no label map, or beyond those
      of the model, or masks of another kind than the reader takes; or a file is
      damaged.
  """
  _check('train_input_reader', config.train_input_reader, config)


def check_evaluation(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks the first examples of every evaluation set as `check_training`."""
  for reader in config.eval_input_reader:
    _check('eval_input_reader', reader, config)


def _check(
  name: str,
  reader: input_reader_pb2.InputReader,
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> None:
  if not reader.HasField('tf_record_input_reader'):
    return
  ids = None
  if reader.label_map_path:
    ids = label_maps.read(reader.label_map_path)
  model = getattr(config.model, config.model.WhichOneof('model'))
  patterns = list(reader.tf_record_input_reader.input_path)
  for record in record_reader.read(record_reader.match(patterns), _LOOKED_AT):
    example = record.parse()
    reason = _foreign_class(example, ids, model.num_classes)
    if reason:
      label_map = reader.label_map_path or 'no label map'
      raise errors.InputError(
        f'{name} does not fit its label map ({label_map}): {record.location} '
        f'has {reason}'
      )
    reason = record_masks.wrong(
      example, reader, needed=pipeline.predicts_masks(config)
    )
    if reason:
      raise errors.InputError(f'{name}: {record.location} must have {reason}')


def _foreign_class(
  example: tf.train.Example, ids: Optional[Dict[str, int]], num_classes: int
) -> Optional[str]:
  """Names a class that training would take for background, None if none is."""
  classes = object_classes.of(example)
  foreign = classes.foreign(ids)
  if foreign:
    return f'{foreign}, and the map has {object_classes.listed(ids)}'
  for class_id in classes.ids(ids):
    if not 1 <= class_id <= num_classes:
      return f'class {class_id}, and the model has {num_classes} (num_classes)'
  return None
