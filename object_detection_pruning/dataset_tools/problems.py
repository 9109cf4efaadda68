"""Broken records: one line for each, a count at the end."""

import sys
from typing import Callable

from tqdm import tqdm

from object_detection_pruning.common import errors, pictures


class BrokenRecord(Exception):
  """An image or an object that cannot be used; the message says why."""


class Problems:
  """Tells of broken records as they are met and counts them.

  Attributes:
    images_skipped: images that were left out whole.
    objects_skipped: objects that were left out of an image that was kept.
    boxes_clipped: boxes that were cut down to their image.
    images_turned: images that were turned upright; none of the broken ones.
  """

  def __init__(self, tell: Callable[[str], None] = None) -> None:
    """Creates the count.

    Args:
      tell: called with each line; by default it goes to stderr, above any
        progress bar.
    """
    self.images_skipped = 0
    self.objects_skipped = 0
    self.boxes_clipped = 0
    self.images_turned = 0
    self._tell = tell or _to_stderr

  def skip_image(self, location: str, what: object) -> None:
    """Counts an image that is left out."""
    self.images_skipped += 1
    self._tell(f'{location}: {what}; image skipped')

  def skip_object(self, location: str, what: object) -> None:
    """Counts an object that is left out."""
    self.objects_skipped += 1
    self._tell(f'{location}: {what}; object skipped')

  def clip_box(self, location: str, what: object) -> None:
    """Counts a box that is cut down to its image."""
    self.boxes_clipped += 1
    self._tell(f'{location}: {what}; box clipped')

  def note(self, location: str, what: object) -> None:
    """Tells what was made of an image that is used."""
    self._tell(f'{location}: {what}')

  def turn(self, turned: bool) -> None:
    """Counts an image that was turned upright, which is no defect."""
    self.images_turned += turned

  @property
  def total(self) -> int:
    """All broken records."""
    return self.images_skipped + self.objects_skipped + self.boxes_clipped

  def __str__(self) -> str:
    kinds = (
      (self.images_skipped, 'image', 'skipped'),
      (self.objects_skipped, 'object', 'skipped'),
      (self.boxes_clipped, 'box', 'clipped'),
    )
    parts = [
      f'{_counted(count, noun)} {what}' for count, noun, what in kinds if count
    ]
    return f'{_counted(self.total, "broken record")}: {", ".join(parts)}'

  def conclude(self, strict: bool) -> None:
    """Tells the count, if there is anything to count.

    Args:
      strict: whether a broken record is an error.

    Raises:
      errors.InputError: if `strict` and some record is broken.
    """
    pictures.say_turned(self.images_turned, self._tell)
    if not self.total:
      return
    if strict:
      raise errors.InputError(f'{self}; strict, so nothing was written')
    self._tell(str(self))


def _counted(count: int, noun: str) -> str:
  if count == 1:
    return f'1 {noun}'
  return f'{count} {noun}es' if noun.endswith('x') else f'{count} {noun}s'


def _to_stderr(line: str) -> None:
  tqdm.write(line, file=sys.stderr)
