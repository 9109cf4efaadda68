"""One set of a VOC or COCO data set to one TFRecord file."""

import os
from typing import Dict, NamedTuple, Optional

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import (
  coco,
  coco_categories,
  label_maps,
  problems,
  record_writer,
  voc,
)

LABEL_MAP_NAME = 'label_map.pbtxt'


class Converted(NamedTuple):
  """What a conversion wrote.

  Attributes:
    num_images: images in the record file.
    label_map: path of the label map, given or written.
    problems: the count of broken records.
  """

  num_images: int
  label_map: str
  problems: problems.Problems


def voc_to_record(
  data_dir: str,
  image_set: str,
  output_path: str,
  label_map_path: Optional[str] = None,
  strict: bool = False,
  ignore_difficult: bool = False,
) -> Converted:
  """Converts one set of a VOC folder.

  Args:
    data_dir: the folder that holds `Annotations` and `JPEGImages`.
    image_set: which list of `ImageSets/Main` to convert. Where the folder
      has no lists, all its images are converted.
    output_path: the record file.
    label_map_path: the classes to convert. By default all annotated ones, in
      alphabetical order, and a `label_map.pbtxt` beside the record file.
    strict: whether a broken record is an error.
    ignore_difficult: whether to leave out objects marked as difficult.

  Returns:
    What was written.

  Raises:
    errors.InputError: if the folder or the label map cannot be used, or if
      `strict` and some record is broken. Nothing is written then.
  """
  folder = voc.VocFolder(data_dir)
  names = folder.names(image_set)
  if label_map_path:
    ids = label_maps.read(label_map_path)
    label_maps.check_classes(label_map_path, ids, folder.class_names())
  else:
    ids = folder.class_ids()
  broken = problems.Problems()
  file = record_writer.RecordFile(
    output_path,
    names,
    lambda name: folder.read(name, ids, broken, ignore_difficult),
  )
  return _convert(file, ids, label_map_path, broken, strict)


def coco_to_record(
  image_dir: str,
  annotations_file: str,
  output_path: str,
  label_map_path: Optional[str] = None,
  include_masks: bool = False,
  strict: bool = False,
) -> Converted:
  """Converts one COCO annotations file.

  Args:
    image_dir: the folder that the file names of the images start from.
    annotations_file: an `instances_*.json` file.
    output_path: the record file.
    label_map_path: the classes to convert. By default all categories with
      their ids, and a `label_map.pbtxt` beside the record file.
    include_masks: whether to write instance masks.
    strict: whether a broken record is an error.

  Returns:
    What was written.

  Raises:
    errors.InputError: if a file cannot be used, or if `strict` and some
      record is broken. Nothing is written then.
  """
  if not os.path.isdir(image_dir):
    raise errors.InputError(f'image folder {image_dir} does not exist')
  instances = coco.CocoInstances(annotations_file)
  if label_map_path:
    ids = label_maps.read(label_map_path)
    names = instances.categories.values()
    label_maps.check_classes(label_map_path, ids, names)
  else:
    ids = coco_categories.label_ids(instances.categories)
  broken = problems.Problems()
  file = record_writer.RecordFile(
    output_path,
    instances.usable_images(broken),
    lambda image: instances.read(image, image_dir, ids, broken, include_masks),
    include_masks,
  )
  return _convert(file, ids, label_map_path, broken, strict)


def _convert(
  file: record_writer.RecordFile,
  ids: Dict[str, int],
  label_map_path: Optional[str],
  broken: problems.Problems,
  strict: bool,
) -> Converted:
  texts = {}
  if not label_map_path:
    label_map_path = os.path.join(os.path.dirname(file.path), LABEL_MAP_NAME)
    label_maps.check_replaceable(label_map_path, ids)
    texts[label_map_path] = label_maps.to_text(ids)
  (count,) = record_writer.write([file], texts, broken, strict)
  return Converted(count, label_map_path, broken)
