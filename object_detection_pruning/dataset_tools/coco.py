"""COCO instance annotations: one JSON file and a folder of images."""

import json
import os
import re
from typing import Any, Dict, List, Optional

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import (
  boxes,
  coco_categories,
  examples,
  image_files,
  problems,
  segmentations,
)


class CocoInstances:
  """The content of an `instances_*.json` file.

  Attributes:
    images: the image records, in the order of the file.
    categories: class names by category id.
  """

  def __init__(self, annotations_file: str) -> None:
    """Reads a file.

    Args:
      annotations_file: the JSON file.

    Raises:
      errors.InputError: if the file is missing, no JSON, or not in COCO's
        layout.
    """
    content = _load(annotations_file)
    self.images = content['images']
    self.categories = coco_categories.from_records(
      content['categories'], annotations_file
    )
    self._annotations: Dict[Any, List[dict]] = {}
    for annotation in content['annotations']:
      image_id = _key(annotation.get('image_id'))
      self._annotations.setdefault(image_id, []).append(annotation)

  def usable_images(self, broken: problems.Problems) -> List[dict]:
    """The image records whose id is their own.

    Args:
      broken: told about repeated ids, and about annotations of images that
        the file does not have.

    Returns:
      The first record of each id, in the order of the file.
    """
    first = {}
    for image in self.images:
      image_id = _key(image.get('id'))
      if image_id in first:
        broken.skip_image(
          str(image.get('file_name')), f'image id {image_id} is taken'
        )
      first.setdefault(image_id, image)
    for image_id, annotations in self._annotations.items():
      if image_id not in first:
        for annotation in annotations:
          broken.skip_object(
            f'annotation {annotation.get("id")}',
            f'there is no image {image_id}',
          )
    return list(first.values())

  def read(
    self,
    image: dict,
    image_dir: str,
    label_ids: Dict[str, int],
    broken: problems.Problems,
    include_masks: bool = False,
  ) -> Optional[examples.AnnotatedImage]:
    """Reads an image and its objects.

    Args:
      image: one of `images`.
      image_dir: the folder that file names start from.
      label_ids: the classes to read and their ids.
      broken: told about what cannot be used.
      include_masks: whether to read the masks; objects without one are
        broken then.

    Returns:
      The image, or None if it cannot be used.
    """
    location = str(image.get('file_name', f'image {image.get("id")}'))
    try:
      file = _image_file(image, image_dir)
    except problems.BrokenRecord as error:
      broken.skip_image(location, error)
      return None
    broken.turn(file.turned)
    instances = []
    for annotation in self._annotations.get(_key(image['id']), []):
      of_object = f'{location}, annotation {annotation.get("id")}'
      try:
        box = _box(annotation)
        instance = self._instance(
          annotation, box, label_ids, file, include_masks
        )
      except problems.BrokenRecord as error:
        broken.skip_object(of_object, error)
        continue
      if boxes.sticks_out(box, file.height, file.width):
        broken.clip_box(
          of_object, f'box leaves the {file.width}x{file.height} image ({box})'
        )
      instances.append(instance)
    return examples.AnnotatedImage(
      file, image['file_name'], str(image['id']), instances
    )

  def _instance(
    self,
    annotation: dict,
    box: boxes.Box,
    label_ids: Dict[str, int],
    file: image_files.ImageFile,
    include_masks: bool,
  ) -> examples.Instance:
    category = _key(annotation.get('category_id'))
    if category not in self.categories:
      raise problems.BrokenRecord(f'there is no category {category}')
    name = self.categories[category]
    if name not in label_ids:
      raise problems.BrokenRecord(f'class {name!r} is not in the label map')
    inside = boxes.clipped(box, file.height, file.width)
    mask, area = None, inside.area
    if include_masks:
      mask = segmentations.to_mask(
        annotation.get('segmentation'), file.height, file.width
      )
      area = np.count_nonzero(mask)
    if isinstance(annotation.get('area'), (int, float)):
      area = annotation['area']
    return examples.Instance(
      label=label_ids[name],
      name=name,
      box=inside,
      area=float(area),
      is_crowd=_is_crowd(annotation),
      mask=mask,
    )


def _is_crowd(annotation: dict) -> bool:
  value = coco_categories.as_number(annotation.get('iscrowd'))
  if value not in (None, 0, 1):
    raise problems.BrokenRecord(f'iscrowd must be 0 or 1, got {value!r}')
  return bool(value)


def _key(value: Any) -> Any:
  """An id as a key of a dictionary, which a list in a broken file is not."""
  value = coco_categories.as_number(value)
  return value if isinstance(value, (int, float, str)) else repr(value)


def _load(path: str) -> dict:
  if not os.path.isfile(path):
    raise errors.InputError(f'annotations file {path} does not exist')
  try:
    with open(path, encoding='utf-8') as file:
      content = json.load(file)
  except ValueError as error:
    raise errors.InputError(f'{path} is no JSON file: {error}')
  for key in ('images', 'annotations', 'categories'):
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(
      isinstance(entry, dict) for entry in entries
    ):
      raise errors.InputError(
        f'{path} holds no COCO annotations: it has no list of {key}'
      )
    if not entries and key != 'annotations':
      raise errors.InputError(f'{path} has no {key}')
  return content


def _image_file(image: dict, image_dir: str) -> image_files.ImageFile:
  if 'id' not in image or not isinstance(image.get('file_name'), str):
    raise problems.BrokenRecord('image record lacks its id or file_name')
  return image_files.read(
    _image_path(image['file_name'], image_dir),
    image.get('width'),
    image.get('height'),
  )


def _image_path(name: str, image_dir: str) -> str:
  """Where an image is; some tools write a path of the machine they ran on."""
  path = os.path.join(image_dir, name)
  last = os.path.join(image_dir, re.split(r'[/\\]', name)[-1])
  return last if os.path.isfile(last) and not os.path.isfile(path) else path


def _box(annotation: dict) -> boxes.Box:
  try:
    x, y, width, height = (float(value) for value in annotation['bbox'])
  except (KeyError, TypeError, ValueError):
    raise problems.BrokenRecord('bbox is not four numbers')
  return boxes.Box(y, x, y + height, x + width)
