"""Evaluation records and their label map, checked to belong together."""

import os
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import label_maps, record_reader
from object_detection_pruning.evaluation import example_decoder


class EvalSet(NamedTuple):
  """What models are evaluated on.

  Attributes:
    paths: TFRecord files.
    label_map: path of their label map.
    ids: from each name of a class to its id.
    size: how many images are evaluated, the first ones.
  """

  paths: List[str]
  label_map: str
  ids: Dict[str, int]
  size: int

  @property
  def class_names(self) -> Dict[int, str]:
    """From class id to name."""
    # A display name stands behind the name of its class, so it prevails.
    return {class_id: name for name, class_id in self.ids.items()}

  @property
  def largest_id(self) -> int:
    """The largest class id, which is the number of classes of a model.

    Ids may be left out: COCO has 80 classes up to 90.
    """
    return max(self.ids.values())

  def read(
    self, limit: Optional[int] = None
  ) -> Iterator[example_decoder.Example]:
    """Reads and decodes the examples.

    Args:
      limit: how many; None for all that are evaluated.

    Raises:
      InputError: an image does not decode.
    """
    count = self.size if limit is None else min(limit, self.size)
    return example_decoder.read(self.paths, count, self.ids)

  def check_model(self, path: str) -> None:
    """Refuses a model that was exported with other classes.

    The `pipeline.config` that the exporter writes beside a model tells how
    many it has; without one nothing is checked.

    Args:
      path: of an exported model.

    Raises:
      InputError: the label map has another number of classes.
    """
    config_path = _config_beside(path)
    if config_path is None:
      return
    try:
      model = pipeline.load(config_path).model
    except errors.InputError:  # Of another version, say; the model may run.
      return
    num_classes = getattr(model, model.WhichOneof('model')).num_classes
    if num_classes != self.largest_id:
      raise errors.InputError(
        f'{path} has {num_classes} classes, as {config_path} says, and '
        f'{self.label_map} has ids up to {self.largest_id}'
      )

  def check_found(self, class_ids: Sequence[int], name: str) -> None:
    """Refuses detections of classes beyond those of the label map.

    Args:
      class_ids: of detections.
      name: of the model, for the error.

    Raises:
      InputError: there is such a class.
    """
    foreign = label_maps.first_foreign(class_ids, self.ids.values())
    if foreign is not None:
      raise errors.InputError(
        f'{name} finds class {foreign}, and {self.label_map} has ids up to '
        f'{self.largest_id}'
      )


def find(
  records: Optional[Sequence[str]],
  label_map: Optional[str],
  config_path: Optional[str],
) -> Tuple[List[str], str]:
  """Gives the evaluation files that flags name, or else a pipeline config.

  Args:
    records: paths of TFRecord files, or none.
    label_map: path of their label map, or None.
    config_path: of a pipeline config, or None.

  Raises:
    InputError: they are not given.
  """
  if config_path and not (records and label_map):
    readers = pipeline.load(config_path).eval_input_reader
    if not readers:
      raise errors.InputError('the config has no eval_input_reader')
    records = records or list(readers[0].tf_record_input_reader.input_path)
    label_map = label_map or readers[0].label_map_path
  if not records or not label_map:
    raise errors.InputError(
      'give --eval_record and --label_map_path, or a --pipeline_config_path'
    )
  return list(records), label_map


def load(
  patterns: Sequence[str], label_map: str, limit: Optional[int] = None
) -> EvalSet:
  """Finds records, and looks through all of them without decoding images.

  Args:
    patterns: paths of TFRecord files, with wildcards where there are shards.
    label_map: path of their label map.
    limit: how many images are to be evaluated; None for all.

  Raises:
    InputError: a file is missing, damaged or something else, or the records
      hold classes that the label map has not, or has under another name, or
      no image to be evaluated has an object.
  """
  ids = label_maps.read(label_map)
  paths = record_reader.find_each(patterns, 'evaluation record')
  objects = []
  for record in record_reader.read(paths):
    example = example_decoder.EncodedExample(record, ids)
    _check_numbers(example, label_map, ids)
    objects.append(example.objects)
  record_reader.check_not_empty(len(objects), 'evaluation set', paths)
  if not any(objects[:limit]):
    raise errors.InputError(
      f'none of the {len(objects[:limit])} images to be evaluated has an '
      'object, crowds aside: take more images, or other ones'
    )
  return EvalSet(paths, label_map, ids, len(objects[:limit]))


def _check_numbers(
  example: example_decoder.EncodedExample, label_map: str, ids: Dict[str, int]
) -> None:
  """Refuses numbers that are not those of their names in the label map."""
  for number, name in zip(example.classes.numbers, example.classes.names):
    if ids[name] != number:
      raise errors.InputError(
        f'{example.location} has {number} for class {name!r}, and {label_map} '
        f'has {ids[name]}'
      )


def _config_beside(path: str) -> Optional[str]:
  """The config in the folder of a model, or None."""
  config = os.path.join(
    os.path.dirname(os.path.abspath(path)), pipeline.FILE_NAME
  )
  return config if os.path.isfile(config) else None
