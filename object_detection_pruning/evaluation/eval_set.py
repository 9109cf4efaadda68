"""Evaluation records and their label map, checked to belong together."""

import contextlib
import os
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import label_maps
from object_detection_pruning.evaluation import examples


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

  def read(self, limit: Optional[int] = None) -> Iterator[examples.Example]:
    """Reads and decodes the examples.

    Args:
      limit: how many; None for all that are evaluated.

    Raises:
      InputError: an image does not decode.
    """
    count = self.size if limit is None else min(limit, self.size)
    return examples.read(self.paths, count)

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
    foreign = [i for i in class_ids if not 0 <= i <= self.largest_id]
    if foreign:
      raise errors.InputError(
        f'{name} finds class {foreign[0]}, and {self.label_map} has ids up to '
        f'{self.largest_id}'
      )


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
      hold classes that the label map has not, or has under another name.
  """
  ids = label_maps.read(label_map)
  paths = _find(patterns)
  size = 0
  for message in examples.messages(paths):
    _check_classes(message, label_map, ids)
    size += 1
  if not size:
    raise errors.InputError(f'evaluation record {", ".join(paths)} is empty')
  return EvalSet(
    paths, label_map, ids, size if limit is None else min(limit, size)
  )


def _find(patterns: Sequence[str]) -> List[str]:
  found: List[str] = []
  for pattern in patterns:
    matches = [pattern]
    # A name may hold what is a wildcard elsewhere.
    if not tf.gfile.Exists(pattern):
      matches = []
      # A folder that is not there is an error of its own.
      with contextlib.suppress(tf.errors.NotFoundError):
        matches = sorted(tf.gfile.Glob(pattern))
    if not matches:
      raise errors.InputError(f'no evaluation record at {pattern!r}')
    found += matches
  for path in found:
    if tf.gfile.IsDirectory(path):
      raise errors.InputError(f'evaluation record {path!r} is a folder')
  if not found:
    raise errors.InputError('no evaluation record is given')
  # Patterns may overlap, and no image counts twice.
  return list(dict.fromkeys(found))


def _check_classes(
  message: examples.Message, label_map: str, ids: Dict[str, int]
) -> None:
  known = set(ids.values())
  for class_id in message.class_ids:
    if class_id not in known:
      raise errors.InputError(
        f'{message.place} holds class {class_id}, and {label_map} has only '
        f'{", ".join(str(each) for each in sorted(known))}'
      )
  for class_id, name in zip(message.class_ids, message.class_names):
    if name and ids.get(name) != class_id:
      names = ' or '.join(
        repr(each) for each, number in ids.items() if number == class_id
      )
      raise errors.InputError(
        f'{message.place} calls class {class_id} {name!r}, and {label_map} '
        f'calls it {names}'
      )


def _config_beside(path: str) -> Optional[str]:
  """The config in the folder of a model, or None."""
  config = os.path.join(
    os.path.dirname(os.path.abspath(path)), pipeline.FILE_NAME
  )
  return config if os.path.isfile(config) else None
