"""PASCAL VOC folders: Annotations, JPEGImages, ImageSets/Main."""

import os
import re
from typing import Dict, List, Optional, Set
from xml.etree import ElementTree

from object_detection_pruning.common import errors, progress
from object_detection_pruning.dataset_tools import (
  boxes,
  examples,
  image_files,
  problems,
)

SETS = ('train', 'val', 'trainval', 'test')
_IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.JPG', '.JPEG', '.PNG', '.bmp')
# What a list of one class says of each image.
_FLAG = re.compile(r'\s+-?[01]$')
# VOC writes 1; some tools write words.
_YES = ('1', 'true', 'yes')


class VocFolder:
  """A folder in PASCAL VOC's layout.

  Attributes:
    path: the folder.
  """

  def __init__(self, path: str) -> None:
    """Opens a folder.

    Args:
      path: the folder that holds `Annotations` and `JPEGImages`.

    Raises:
      errors.InputError: if one of the two is missing.
    """
    for name in ('Annotations', 'JPEGImages'):
      if not os.path.isdir(os.path.join(path, name)):
        raise errors.InputError(f'{path} is no VOC folder: it has no {name}')
    self.path = path

  def annotation_path(self, name: str) -> str:
    """The XML file of an image, given the name in the lists."""
    return os.path.join(self.path, 'Annotations', name + '.xml')

  def all_names(self) -> List[str]:
    """The names of all annotated images, sorted."""
    stems = (
      os.path.splitext(entry)
      for entry in os.listdir(os.path.join(self.path, 'Annotations'))
    )
    return sorted(stem for stem, ending in stems if ending == '.xml')

  def annotation_files(self) -> List[str]:
    """The paths of everything that describes the images, sorted."""
    lists = [self._list_path(name) for name in SETS if self.has_list(name)]
    return sorted(lists + [self.annotation_path(n) for n in self.all_names()])

  def has_lists(self) -> bool:
    """Whether the folder says which images are for what."""
    return os.path.isdir(os.path.join(self.path, 'ImageSets', 'Main'))

  def has_list(self, image_set: str) -> bool:
    """Whether the folder lists the images of a set."""
    return os.path.isfile(self._list_path(image_set))

  def names(self, image_set: str) -> List[str]:
    """The names of the images of a set, in the order of the list.

    Args:
      image_set: one of `SETS`.

    Returns:
      The names; those of all annotated images where the folder has no lists.

    Raises:
      errors.InputError: if there are lists but not this one, or no names.
    """
    if not self.has_lists():
      names = self.all_names()
    elif self.has_list(image_set):
      names = self._listed(self._list_path(image_set))
    else:
      present = [name for name in SETS if self.has_list(name)]
      raise errors.InputError(
        f'{self.path} has no list ImageSets/Main/{image_set}.txt; it has '
        f'{", ".join(present) or "none of " + ", ".join(SETS)}'
      )
    if not names:
      raise errors.InputError(f'{self.path} names no image for {image_set}')
    return names

  def _listed(self, path: str) -> List[str]:
    """Reads a list: a name in each line, with a flag in lists of a class."""
    try:
      with open(path, encoding='utf-8-sig') as file:
        lines = [line.strip() for line in file]
    except UnicodeDecodeError as error:
      raise errors.InputError(f'{path} is no text in UTF-8: {error.reason}')
    return [
      # A name may have spaces, and end with a number.
      line
      if os.path.isfile(self.annotation_path(line))
      else _FLAG.sub('', line)
      for line in lines
      if line
    ]

  def class_ids(self) -> Dict[str, int]:
    """Ids from 1 for the sorted names of all annotated classes.

    All annotations are read, whatever set they belong to, so that each set
    gets the same ids. Unreadable ones are passed over.

    Raises:
      errors.InputError: if nothing is annotated.
    """
    found = self.class_names()
    if not found:
      raise errors.InputError(f'no object is annotated in {self.path}')
    return {name: label for label, name in enumerate(sorted(found), 1)}

  def class_names(self) -> Set[str]:
    """The names of all annotated classes; unreadable files are passed over."""
    found = set()
    for name in progress.over(self.all_names(), 'class names'):
      try:
        root = _parse(self.annotation_path(name))
      except problems.BrokenRecord:
        continue
      found.update(_text(node, 'name') for node in root.findall('object'))
    found.discard('')
    return found

  def read(
    self,
    name: str,
    class_ids: Dict[str, int],
    broken: problems.Problems,
    ignore_difficult: bool = False,
  ) -> Optional[examples.AnnotatedImage]:
    """Reads an image and its objects.

    Boxes are taken as they stand, as the stock converter takes them, though
    VOC counts pixels from 1.

    Args:
      name: the image's name in the lists.
      class_ids: the classes to read and their ids.
      broken: told about what cannot be used.
      ignore_difficult: whether to leave out objects marked as difficult.

    Returns:
      The image, or None if it cannot be used.
    """
    location = name + '.xml'
    try:
      root = _parse(self.annotation_path(name))
      filename = self._image_name(name, _text(root, 'filename'), broken)
      file = image_files.read(
        os.path.join(self.path, 'JPEGImages', filename),
        _text(root, 'size/width'),
        _text(root, 'size/height'),
      )
    except problems.BrokenRecord as error:
      broken.skip_image(location, error)
      return None
    broken.turn(file.turned)
    instances = []
    for number, node in enumerate(root.findall('object'), 1):
      label = _text(node, 'name')
      of_object = f'{location}, object {number} ({label or "without a name"})'
      try:
        box = _box(node)
        instance = _instance(node, label, box, class_ids, file)
      except problems.BrokenRecord as error:
        broken.skip_object(of_object, error)
        continue
      if instance.difficult and ignore_difficult:
        continue
      if boxes.sticks_out(box, file.height, file.width):
        broken.clip_box(
          of_object, f'box leaves the {file.width}x{file.height} image ({box})'
        )
      instances.append(instance)
    return examples.AnnotatedImage(file, filename, filename, instances)

  def _list_path(self, image_set: str) -> str:
    return os.path.join(self.path, 'ImageSets', 'Main', image_set + '.txt')

  def _image_name(
    self, name: str, annotated: str, broken: problems.Problems
  ) -> str:
    """The image file of an annotation, even if one of them was renamed."""
    # Annotation tools write whole paths here, of either kind of system.
    annotated = re.split(r'[/\\]', annotated)[-1]
    own = [name + ending for ending in _IMAGE_ENDINGS]
    there = [each for each in own if self._has_image(each)]
    stem = os.path.splitext(annotated)[0]
    if not annotated or not self._has_image(annotated):
      return (there + [annotated or own[0]])[0]
    if stem == name:
      return annotated
    # Another picture, by now: the name that was written here is an old one.
    if there:
      broken.note(
        name + '.xml', f'<filename> names {annotated}; {there[0]} is taken'
      )
      return there[0]
    if os.path.isfile(self.annotation_path(stem)):
      raise problems.BrokenRecord(
        f'<filename> names {annotated}, which {stem}.xml describes'
      )
    return annotated

  def _has_image(self, filename: str) -> bool:
    return os.path.isfile(os.path.join(self.path, 'JPEGImages', filename))


def _parse(path: str) -> ElementTree.Element:
  try:
    root = ElementTree.parse(path).getroot()
  except FileNotFoundError:
    raise problems.BrokenRecord('the annotation is missing')
  except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
    raise problems.BrokenRecord(f'the XML cannot be read ({error})')
  if root.tag != 'annotation':
    raise problems.BrokenRecord(f'the XML holds <{root.tag}>, not <annotation>')
  return root


def _instance(
  node: ElementTree.Element,
  label: str,
  box: boxes.Box,
  class_ids: Dict[str, int],
  file: image_files.ImageFile,
) -> examples.Instance:
  if label not in class_ids:
    raise problems.BrokenRecord('class is not in the label map')
  inside = boxes.clipped(box, file.height, file.width)
  return examples.Instance(
    label=class_ids[label],
    name=label,
    box=inside,
    area=inside.area,
    difficult=_text(node, 'difficult').lower() in _YES,
  )


def _box(node: ElementTree.Element) -> boxes.Box:
  try:
    return boxes.Box(
      *(float(_text(node, f'bndbox/{side}')) for side in boxes.Box._fields)
    )
  except ValueError:
    raise problems.BrokenRecord('box is missing or no number')


def _text(node: ElementTree.Element, path: str) -> str:
  return (node.findtext(path) or '').strip()
