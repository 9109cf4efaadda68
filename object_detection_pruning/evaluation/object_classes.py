"""The classes of the objects in a detection example, as stock readers see them.

An example names them, numbers them or does both. Where there is a label map and
a single name, stock readers go by the names and do not look at the numbers.
"""

from typing import Dict, List, NamedTuple, Optional

import tensorflow.compat.v1 as tf

_TEXT = 'image/object/class/text'
_LABEL = 'image/object/class/label'


class ObjectClasses(NamedTuple):
  """The class of each object.

  Attributes:
    names: one for each object, or none at all.
    numbers: the same.
  """

  names: List[str]
  numbers: List[int]

  def ids(self, known: Optional[Dict[str, int]]) -> List[int]:
    """Gives the class id of each object.

    Args:
      known: ids by name, all of a label map that has these classes (see
        `foreign`); None without a map.
    """
    if known is None or not self.names:
      return self.numbers
    return [known[name] for name in self.names]

  def foreign(self, known: Optional[Dict[str, int]]) -> Optional[str]:
    """Tells of a class that a label map does not have.

    Args:
      known: ids by name, all of the label map; None without one.

    Returns:
      The class, as a line can go on with it; None where the map has all.
    """
    if known is None:
      return None
    for name in self.names:
      if name not in known:
        return f'class {name!r}'
    if not self.names:
      for number in self.numbers:
        if number not in known.values():
          return f'class {number}'
    return None


def of(example: tf.train.Example) -> ObjectClasses:
  """Gives the classes of an example, empty ones where it has none."""
  features = example.features.feature
  return ObjectClasses(
    [
      name.decode(errors='replace') for name in features[_TEXT].bytes_list.value
    ],
    list(features[_LABEL].int64_list.value),
  )


def listed(known: Dict[str, int], most: int = 10) -> str:
  """Lists the classes of a label map, as a line can go on with them."""
  names = [f'{number} {name!r}' for name, number in list(known.items())[:most]]
  return ', '.join(names) + (', ...' if len(known) > most else '')
