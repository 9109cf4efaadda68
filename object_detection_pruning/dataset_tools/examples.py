"""Annotated images, and the tf.Example that OD API's decoder reads."""

import hashlib
from typing import List, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.utils import dataset_util
from PIL import Image

from object_detection_pruning.dataset_tools import boxes, image_files


class Instance(NamedTuple):
  """One object in an image.

  Attributes:
    label: id in the label map, from 1.
    name: of the class.
    box: in pixels, inside the image.
    area: in square pixels, of the mask where there is one.
    is_crowd: whether it stands for a group, in COCO's sense.
    difficult: in VOC's sense.
    mask: bool, [height, width], or None.
  """

  label: int
  name: str
  box: boxes.Box
  area: float
  is_crowd: bool = False
  difficult: bool = False
  mask: Optional[np.ndarray] = None


class AnnotatedImage(NamedTuple):
  """An image with its objects.

  Attributes:
    file: the encoded image.
    filename: name to show.
    source_id: identifies the image within its data set.
    instances: its objects, none for a picture of background.
  """

  file: image_files.ImageFile
  filename: str
  source_id: str
  instances: List[Instance]


def to_example(
  image: AnnotatedImage, include_masks: bool = False
) -> tf.train.Example:
  """Builds the message that OD API's `TfExampleDecoder` reads.

  Boxes are normalised by the image's size. Masks are PNG images, 255 on the
  object and 0 elsewhere, for `mask_type: PNG_MASKS`.

  Args:
    image: the image and its objects.
    include_masks: whether to write `image/object/mask`; each instance must
      have a mask then.

  Returns:
    The example.
  """
  file, instances = image.file, image.instances
  # Where a stock decoder knows the label map, the text wins over the label.
  feature = {
    'image/encoded': dataset_util.bytes_feature(file.encoded),
    'image/format': dataset_util.bytes_feature(file.format.encode()),
    'image/height': dataset_util.int64_feature(file.height),
    'image/width': dataset_util.int64_feature(file.width),
    'image/filename': dataset_util.bytes_feature(image.filename.encode()),
    'image/source_id': dataset_util.bytes_feature(image.source_id.encode()),
    'image/key/sha256': dataset_util.bytes_feature(
      hashlib.sha256(file.encoded).hexdigest().encode()
    ),
    'image/object/class/text': dataset_util.bytes_list_feature(
      [instance.name.encode() for instance in instances]
    ),
    'image/object/class/label': dataset_util.int64_list_feature(
      [instance.label for instance in instances]
    ),
    'image/object/area': dataset_util.float_list_feature(
      [instance.area for instance in instances]
    ),
    'image/object/is_crowd': dataset_util.int64_list_feature(
      [int(instance.is_crowd) for instance in instances]
    ),
    'image/object/difficult': dataset_util.int64_list_feature(
      [int(instance.difficult) for instance in instances]
    ),
  }
  for side in boxes.Box._fields:
    extent = file.height if side.startswith('y') else file.width
    feature[f'image/object/bbox/{side}'] = dataset_util.float_list_feature(
      [getattr(instance.box, side) / extent for instance in instances]
    )
  if include_masks:
    feature['image/object/mask'] = dataset_util.bytes_list_feature(
      [_png_mask(instance.mask) for instance in instances]
    )
  return tf.train.Example(features=tf.train.Features(feature=feature))


def _png_mask(mask: np.ndarray) -> bytes:
  return image_files.png(Image.fromarray(np.uint8(mask) * np.uint8(255)))
