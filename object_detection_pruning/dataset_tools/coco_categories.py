"""COCO categories: ids with gaps, names, and what a label map makes of them."""

import re
from typing import Any, Dict, List

from object_detection_pruning.common import errors

# Ids of label maps are int32, and one more is room for a background.
_MOST = 2**31 - 1


def as_number(value: Any) -> Any:
  """An id that is written as text, as some tools do in places, as a number."""
  if isinstance(value, str) and re.fullmatch(r'-?\d+', value):
    return int(value)
  return value


def from_records(entries: List[dict], path: str) -> Dict[int, str]:
  """Reads the category records of an annotations file.

  Args:
    entries: the records.
    path: of the file, for messages.

  Returns:
    Class names by category id.

  Raises:
    errors.InputError: if a record lacks an integer id or a name, or repeats
      an id.
  """
  categories = {}
  for entry in entries:
    category, name = entry.get('id'), entry.get('name')
    category = as_number(category)
    if not isinstance(category, int) or not isinstance(name, str):
      raise errors.InputError(
        f'{path} has a category without an integer id or a name: {entry}'
      )
    if category in categories:
      raise errors.InputError(f'{path} has category {category} twice')
    categories[category] = name
  return categories


def label_ids(categories: Dict[int, str]) -> Dict[str, int]:
  """Ids for a label map.

  They are the category ids, gaps included, so that detections can be
  compared with the JSON file. Where a category has id 0, all move up by one:
  a label map keeps 0 for the background.

  Args:
    categories: class names by category id.

  Returns:
    Label map ids by class name.

  Raises:
    errors.InputError: if an id is negative or more than a label map can hold,
      or a name stands for two ids.
  """
  lowest, highest = min(categories), max(categories)
  if lowest < 0:
    raise errors.InputError(f'category id {lowest} is negative')
  if highest >= _MOST:
    raise errors.InputError(
      f'category id {highest} is more than a label map can hold, which is '
      f'{_MOST - 1}'
    )
  ids = {}
  for category, name in categories.items():
    if name in ids:
      raise errors.InputError(
        f'two categories are called {name!r}; pass a label map, which gives '
        'them one id'
      )
    ids[name] = category + 1 if lowest == 0 else category
  return ids


def merged(first: Dict[int, str], second: Dict[int, str]) -> Dict[int, str]:
  """The categories of two files that belong together.

  Args:
    first: class names by category id.
    second: the same of the other file.

  Returns:
    All of them.

  Raises:
    errors.InputError: if an id stands for two names.
  """
  for category in first.keys() & second.keys():
    if first[category] != second[category]:
      raise errors.InputError(
        f'category {category} is {first[category]!r} in one file and '
        f'{second[category]!r} in the other'
      )
  return {**first, **second}
