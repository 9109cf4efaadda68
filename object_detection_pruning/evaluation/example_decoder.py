"""The images and boxes of detection examples, as OD API's tools write them."""

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.common import errors, pictures
from object_detection_pruning.dataset_tools import record_reader
from object_detection_pruning.evaluation import object_classes

_EDGES = ('ymin', 'xmin', 'ymax', 'xmax')
_MASK = 'image/object/mask'


class Example(NamedTuple):
  """One image and the objects in it.

  Attributes:
    name: unique within the records.
    image: uint8 [height, width, 3], RGB.
    boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) in pixels.
    class_ids: int64 [n].
    is_crowd: bool [n].
    masks: uint8 [n, height, width], or None where the record has objects
      without masks.
  """

  name: str
  image: np.ndarray
  boxes: np.ndarray
  class_ids: np.ndarray
  is_crowd: np.ndarray
  masks: Optional[np.ndarray]


class EncodedExample:
  """An example whose lists are checked, and whose images are not decoded.

  Attributes:
    location: the file and the example's number in it, to begin messages with.
    classes: the class of each object, as the record has it.
    class_ids: its id.
  """

  def __init__(
    self, record: record_reader.Record, ids: Optional[Dict[str, int]] = None
  ):
    """Parses it.

    Args:
      record: from `record_reader.read`.
      ids: from each name of the label map to its id; without them classes are
        those of the record's numbers.

    Raises:
      InputError: it is no detection example, or has a class that the label map
        does not have.
    """
    self.location = record.location
    example = record.parse()
    self._features = example.features.feature
    self.classes = object_classes.of(example)
    if not self._bytes('image/encoded'):
      raise errors.InputError(
        f'{self.location} is no detection example: it has no image/encoded'
      )
    foreign = self.classes.foreign(ids)
    if foreign:
      raise errors.InputError(
        f'{self.location} holds {foreign}, and the label map has '
        + object_classes.listed(ids)
      )
    self.class_ids = self.classes.ids(ids)
    self._check_lengths()

  @property
  def objects(self) -> int:
    """Number of objects that are no crowds."""
    return len(self.class_ids) - sum(self._crowd())

  def decode(self, name: str) -> Example:
    """Decodes image and masks, and scales the boxes.

    Raises:
      InputError: an image does not decode, or masks have another size.
    """
    image = self._decode(self._bytes('image/encoded')[0], 'RGB')
    height, width = image.shape[:2]
    boxes = np.array([self._edge(edge) for edge in _EDGES], np.float32).T
    crowd = self._crowd()
    return Example(
      name,
      image,
      boxes * np.array([height, width, height, width], np.float32),
      np.array(self.class_ids, np.int64),
      np.array(crowd if crowd else [0] * len(boxes), bool),
      self._masks(image.shape[:2]),
    )

  def _masks(self, shape: Sequence[int]) -> Optional[np.ndarray]:
    numbers = self._features[_MASK].float_list.value
    # Without objects, masks of either kind are none.
    if numbers or not self.class_ids:
      return self._numerical_masks(numbers, shape)
    encoded = self._bytes(_MASK)
    if not encoded:
      return None
    masks = [self._decode(png, 'L') for png in encoded]
    for mask in masks:
      if mask.shape != shape:
        raise errors.InputError(
          f'{self.location} has a mask of {list(mask.shape)} pixels for '
          f'an image of {list(shape)}'
        )
    return (np.stack(masks) > 0).astype(np.uint8)

  def _numerical_masks(
    self, numbers: Sequence[float], shape: Sequence[int]
  ) -> np.ndarray:
    objects = len(self.class_ids)
    if len(numbers) != objects * shape[0] * shape[1]:
      raise errors.InputError(
        f'{self.location} has {len(numbers)} numbers of masks for {objects} '
        f'objects and an image of {list(shape)}'
      )
    masks = np.array(numbers, np.float32).reshape(objects, *shape)
    return (masks > 0).astype(np.uint8)

  def _check_lengths(self) -> None:
    objects = len(self.class_ids)
    for what, found, optional in (
      *((edge, self._edge(edge), False) for edge in _EDGES),
      ('is_crowd', self._crowd(), True),
      ('mask', self._bytes(_MASK), True),
      ('class/text', self.classes.names, True),
      ('class/label', self.classes.numbers, True),
    ):
      if len(found) != objects and (found or not optional):
        raise errors.InputError(
          f'{self.location} is no detection example: it has {objects} classes '
          f'and {len(found)} {what}'
        )

  def _edge(self, edge: str) -> List[float]:
    return list(self._features[f'image/object/bbox/{edge}'].float_list.value)

  def _crowd(self) -> List[int]:
    return list(self._features['image/object/is_crowd'].int64_list.value)

  def _bytes(self, name: str) -> List[bytes]:
    return list(self._features[name].bytes_list.value)

  def _decode(self, encoded: bytes, mode: str) -> np.ndarray:
    try:
      image = pictures.open_encoded(encoded)
      if mode == 'RGB':
        # As training sees it, whose decoder does not look at EXIF data.
        return np.array(pictures.to_rgb(image, upright=False))
      return np.array(image.convert(mode))
    # Pillow's decoders raise anything at all on bytes that make no sense.
    except Exception as error:
      # Its message has the address of the buffer.
      reason = type(error).__name__
      raise errors.InputError(
        f'{self.location} has an image that does not decode ({reason})'
      )


def read(
  paths: Sequence[str],
  limit: Optional[int] = None,
  ids: Optional[Dict[str, int]] = None,
) -> Iterator[Example]:
  """Reads and decodes examples.

  Args:
    paths: as for `record_reader.read`.
    limit: how many to read; None for all.
    ids: as for `EncodedExample`.

  Raises:
    InputError: a file is damaged, or holds something else, or an image does
      not decode, or a class is not in the label map.
  """
  for number, record in enumerate(record_reader.read(paths, limit)):
    yield EncodedExample(record, ids).decode(str(number))
