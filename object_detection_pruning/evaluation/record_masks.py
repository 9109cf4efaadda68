"""Whether an example holds instance masks of the kind that a reader takes."""

from typing import Optional

import tensorflow.compat.v1 as tf
from object_detection.protos import input_reader_pb2

_MASK = 'image/object/mask'
_EDGE = 'image/object/bbox/ymin'
_KINDS = {
  'bytes_list': 'bytes',
  'float_list': 'floats',
  'int64_list': 'whole numbers',
}


def wrong(
  example: tf.train.Example,
  reader: input_reader_pb2.InputReader,
  needed: bool,
) -> Optional[str]:
  """Tells what is wrong with the masks of an example.

  The stock reader ends in an error of its parser where they are of another
  kind, even where there are none of it. Where an object has none, it takes an
  empty one.

  Args:
    example: one that is read by `reader`.
    reader: says whether masks are loaded, and of which kind they are.
    needed: whether objects must have masks.

  Returns:
    The kind that the reader takes and what there is, as a line can go on with
    it; None where nothing is wrong.
  """
  if not reader.load_instance_masks:
    return None
  wanted = 'float_list'
  if reader.mask_type == input_reader_pb2.PNG_MASKS:
    wanted = 'bytes_list'
  features = example.features.feature
  kind = features[_MASK].WhichOneof('kind')
  objects = len(features[_EDGE].float_list.value)
  if kind not in (None, wanted):
    found = _KINDS[kind]
  elif needed and objects and not getattr(features[_MASK], wanted).value:
    found = f'none for its {objects} objects'
  else:
    return None
  name = input_reader_pb2.InstanceMaskType.Name(reader.mask_type)
  return f'{_KINDS[wanted]} in {_MASK} (mask_type {name}), got {found}'
