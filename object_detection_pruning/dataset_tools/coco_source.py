"""A COCO folder as a data set with two splits."""

import os
import re
from typing import Dict, List, NamedTuple

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import (
  coco,
  coco_categories,
  problems,
  source,
)

_ANNOTATIONS = re.compile(r'instances_((train|val).*)\.json')
_IMAGES_TO_TRY = 20


class _Part(NamedTuple):
  """Images of one annotations file, and the folder they are in."""

  instances: coco.CocoInstances
  folder: str
  images: List[dict]


def annotations_files(data_dir: str) -> Dict[str, str]:
  """The annotations files of a folder.

  Args:
    data_dir: a folder with `instances_train*.json` and `instances_val*.json`
      in it or in its `annotations`.

  Returns:
    Paths by the part of the name after `instances_`, such as `train2017`.
  """
  found = {}
  for folder in (data_dir, os.path.join(data_dir, 'annotations')):
    if os.path.isdir(folder):
      for name in sorted(os.listdir(folder)):
        match = _ANNOTATIONS.fullmatch(name)
        if match:
          found.setdefault(match.group(1), os.path.join(folder, name))
  return found


def open_folder(
  data_dir: str, broken: problems.Problems, include_masks: bool = False
) -> source.Source:
  """Opens a COCO folder.

  Args:
    data_dir: the folder; see `annotations_files`.
    broken: told about records that cannot be used.
    include_masks: whether to read instance masks.

  Returns:
    All categories, and the images of the two files; where there is only one
    file, a fifth of its images is held back.

  Raises:
    errors.InputError: if the folder or a file in it cannot be used.
  """
  files = annotations_files(data_dir)
  names = _names(files)
  if not names:
    raise errors.InputError(f'{data_dir} has no instances_train*.json')
  opened = [_open_file(data_dir, name, files[name], broken) for name in names]
  train, val = opened[0], opened[-1]
  if train is val:
    parts = source.divided(
      train.images, lambda image: str(image.get('file_name'))
    )
    train, val = (train._replace(images=images) for images in parts)
  class_ids = coco_categories.label_ids(
    coco_categories.merged(train.instances.categories, val.instances.categories)
  )

  def split(part: _Part) -> source.Split:
    return source.Split(
      part.images,
      lambda image, told: part.instances.read(
        image, part.folder, class_ids, told, include_masks
      ),
    )

  return source.Source(class_ids, split(train), split(val))


def image_folder(data_dir: str, name: str, images: List[dict]) -> str:
  """Finds the folder that the file names of the images start from.

  Args:
    data_dir: the COCO folder.
    name: of the annotations file, as in `annotations_files`.
    images: image records of that file.

  Returns:
    The first folder that holds one of the first images.

  Raises:
    errors.InputError: if no folder does.
  """
  folders = [f'{name}/images', name, f'images/{name}', 'images', '.']
  for folder in folders:
    path = os.path.normpath(os.path.join(data_dir, folder))
    for image in images[:_IMAGES_TO_TRY]:
      if os.path.isfile(os.path.join(path, str(image.get('file_name')))):
        return path
  raise errors.InputError(
    f'{data_dir} has none of the images of instances_{name}.json; looked in '
    + ', '.join(folders)
  )


def _open_file(
  data_dir: str, name: str, path: str, broken: problems.Problems
) -> _Part:
  instances = coco.CocoInstances(path)
  images = instances.usable_images(broken)
  return _Part(instances, image_folder(data_dir, name, images), images)


def _names(files: Dict[str, str]) -> List[str]:
  """The names of the train and the val file, those that there are."""
  chosen = []
  for start in ('train', 'val'):
    names = [name for name in files if name.startswith(start)]
    if len(names) > 1:
      raise errors.InputError(
        'a data set has one file for each split, got '
        + ', '.join(files[name] for name in names)
      )
    chosen += names
  return chosen
