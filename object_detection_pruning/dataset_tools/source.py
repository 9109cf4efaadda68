"""A data set before conversion: its classes, and images for two splits."""

import hashlib
from typing import (
  Any,
  Callable,
  Dict,
  List,
  NamedTuple,
  Optional,
  Sequence,
  Tuple,
)

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import examples, problems

_VAL_SHARE = 0.2

Reader = Callable[[Any, problems.Problems], Optional[examples.AnnotatedImage]]


class Split(NamedTuple):
  """The images of one split.

  Attributes:
    items: what stands for the images.
    read: makes an image of an item, or None of one that cannot be used.
  """

  items: Sequence[Any]
  read: Reader


class Source(NamedTuple):
  """A data set to train and evaluate on.

  Attributes:
    class_ids: label map ids by class name.
    train: the images to train on.
    val: the images to evaluate on.
  """

  class_ids: Dict[str, int]
  train: Split
  val: Split


def divided(
  items: Sequence[Any], name_of: Callable[[Any], str] = str
) -> Tuple[List[Any], List[Any]]:
  """Holds a fifth of a data set back, the same fifth each time.

  Where an item goes depends on the digest of its name, so it is as good as
  random, and the order of the items does not matter.

  Args:
    items: at least two.
    name_of: gives the name of an item.

  Returns:
    The items to train on and those held back, each in their given order.

  Raises:
    errors.InputError: if there are fewer than two items.
  """
  if len(items) < 2:
    raise errors.InputError(
      f'a data set needs at least 2 images, one to train on and one to '
      f'evaluate on, got {len(items)}'
    )
  digests = [hashlib.sha256(name_of(item).encode()).digest() for item in items]
  order = sorted(range(len(items)), key=lambda index: digests[index])
  held_back = set(order[: max(1, round(len(items) * _VAL_SHARE))])
  return (
    [item for index, item in enumerate(items) if index not in held_back],
    [item for index, item in enumerate(items) if index in held_back],
  )
