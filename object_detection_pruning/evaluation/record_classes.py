"""Whether records hold the classes that a config's label map and model have."""

from typing import Dict, Optional

from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import label_maps, record_reader

# A map of other classes shows in the first examples with objects.
_LOOKED_AT = 300
_TEXT = 'image/object/class/text'
_LABEL = 'image/object/class/label'


def check_training(config: pipeline_pb2.TrainEvalPipelineConfig) -> None:
  """Checks the first training examples against label map and model.

  The stock reader takes an object of a class that the label map does not have
  for background, and says nothing.

  Raises:
    InputError: an example has a class that is in no label map, or beyond those
      of the model; or a file is damaged.
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
    reason = _foreign_class(record, ids, model.num_classes)
    if reason:
      label_map = reader.label_map_path or 'no label map'
      raise errors.InputError(
        f'{name} does not fit its label map ({label_map}): {record.location} '
        f'has {reason}'
      )


def _foreign_class(
  record: record_reader.Record, ids: Optional[Dict[str, int]], num_classes: int
) -> Optional[str]:
  """Names a class that training would take for background, None if none is."""
  features = record.parse().features.feature
  names = [
    name.decode(errors='replace') for name in features[_TEXT].bytes_list.value
  ]
  labels = list(features[_LABEL].int64_list.value)
  # Where the reader has a map, it goes by the names alone.
  if ids is not None and names:
    for class_name in names:
      if class_name not in ids:
        return f'class {class_name!r}, and the map has {_listed(ids)}'
    labels = [ids[class_name] for class_name in names]
  elif ids is not None:
    for label in labels:
      if label not in ids.values():
        return f'class {label}, and the map has {_listed(ids)}'
  for label in labels:
    if not 1 <= label <= num_classes:
      return f'class {label}, and the model has {num_classes} (num_classes)'
  return None


def _listed(ids: Dict[str, int], most: int = 10) -> str:
  names = [f'{number} {name!r}' for name, number in list(ids.items())[:most]]
  return ', '.join(names) + (', ...' if len(ids) > most else '')
