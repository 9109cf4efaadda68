"""Label maps: class names and their ids, in OD API's text format."""

import os
from typing import Collection, Dict, Iterable, Optional, Sequence

from google.protobuf import message, text_format
from object_detection.protos import string_int_label_map_pb2
from object_detection.utils import label_map_util

from object_detection_pruning.common import errors

_NAMED = 10


def read(path: str) -> Dict[str, int]:
  """Reads a label map.

  Args:
    path: a `StringIntLabelMap` text file.

  Returns:
    From each class's name, and from its display name where it has one, to
    its id.

  Raises:
    errors.InputError: if there is no such file, or no label map in it.
  """
  if not os.path.isfile(path):
    raise errors.InputError(f'label map {path} does not exist')
  try:
    label_map = label_map_util.load_labelmap(path)
  # OD API tries text, then binary, and says only how the latter fails.
  except (TypeError, UnicodeDecodeError, message.DecodeError):
    raise errors.InputError(
      f'{path} is no label map: it must be a text file of items such as '
      'item { name: "cat" id: 1 }'
    )
  except Exception as error:
    reason = str(error).splitlines()[0] if str(error) else 'unreadable'
    raise errors.InputError(f'{path} is no label map: {reason}')
  ids = {}
  for item in label_map.item:
    for name in (item.name, item.display_name):
      if name and ids.setdefault(name, item.id) != item.id:
        raise errors.InputError(f'label map {path} has {name!r} twice')
  if not ids:
    raise errors.InputError(f'label map {path} has no classes')
  return ids


def to_text(ids: Dict[str, int]) -> str:
  """The label map file for names and their ids, in the order of the ids."""
  label_map = string_int_label_map_pb2.StringIntLabelMap()
  for name, label in sorted(ids.items(), key=lambda item: item[1]):
    label_map.item.add(name=name, id=label)
  return text_format.MessageToString(label_map, as_utf8=True)


def check_classes(path: str, ids: Dict[str, int], names: Iterable[str]) -> None:
  """Refuses a label map that has none of the classes of the data.

  Args:
    path: of the label map.
    ids: names and ids in it.
    names: of the classes in the data; none is fine.

  Raises:
    errors.InputError: no class is in both.
  """
  names = sorted(set(names))
  if names and not set(names) & set(ids):
    raise errors.InputError(
      f'{path} has no class of this data: it has {_listed(sorted(ids))}, and '
      f'the data have {_listed(names)}'
    )


def _listed(names: Sequence[str]) -> str:
  more = ', ...' if len(names) > _NAMED else ''
  return ', '.join(map(repr, names[:_NAMED])) + more


def first_foreign(
  found: Iterable[int], known: Collection[int]
) -> Optional[int]:
  """Gives the least class that a model finds and a label map does not reach.

  Ids that it leaves out on the way to its largest one are gaps and not foreign:
  COCO has 80 classes up to 90, and a model may find one of the other ten.

  Args:
    found: class ids of detections.
    known: class ids of the label map, at least one.

  Returns:
    The class id; None where there is none.
  """
  most = max(known)
  foreign = [i for i in set(found).difference(known) if not 1 <= i <= most]
  return min(foreign, default=None)


def check_replaceable(path: str, ids: Dict[str, int]) -> None:
  """Refuses to replace a label map by another one.

  Args:
    path: where `ids` are about to be written.
    ids: names and ids.

  Raises:
    errors.InputError: if a label map with other classes stands there.
  """
  if os.path.exists(path) and read(path) != ids:
    raise errors.InputError(
      f'{path} has other classes than this data; remove it, write elsewhere '
      'or pass it as the label map'
    )
