"""The three inputs that the Object Detection API's exporter gives a graph."""

import io
from typing import Callable, List, NamedTuple, Union

import numpy as np
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.common import errors

Batch = Union[np.ndarray, List[bytes]]
# Of an image that a graph asks for; beyond any that a detector is made for.
_MOST_PIXELS = 1 << 28


class GraphInput(NamedTuple):
  """One kind of input.

  Attributes:
    name: of the placeholder, which is also the exporter's input type.
    encode: makes a batch of one image (uint8 [height, width, 3]) that fits the
      shape of the placeholder.
  """

  name: str
  encode: Callable[[np.ndarray, tf.TensorShape], Batch]


def _as_tensor(image: np.ndarray, shape: tf.TensorShape) -> np.ndarray:
  """A batch of one image, scaled where the graph has a fixed image size.

  Detections are in fractions of the image, so scaling does not move them.
  """
  batch, height, width = [None] * 3
  if shape.ndims == 4:
    batch, height, width, _ = shape.as_list()
  if batch not in (None, 1):
    raise errors.InputError(
      f'the graph takes batches of {batch} images; export it with batch size '
      '1 or none'
    )
  size = (width or image.shape[1], height or image.shape[0])
  check_size(*size)
  if size != (image.shape[1], image.shape[0]):
    image = np.asarray(Image.fromarray(image).resize(size, Image.BILINEAR))
  return image[np.newaxis]


def check_size(width: int, height: int, images: int = 1) -> None:
  """Raises `InputError` where a graph takes images that no memory is for."""
  if width * height * images > _MOST_PIXELS:
    raise errors.InputError(
      f'the graph takes {images} images of {width}x{height} pixels, and must '
      f'take {_MOST_PIXELS} pixels at most'
    )


def _as_png(image: np.ndarray, shape: tf.TensorShape) -> List[bytes]:
  del shape
  buffer = io.BytesIO()
  # Time goes into detection, not into bytes that are decoded at once.
  Image.fromarray(image).save(buffer, format='PNG', compress_level=1)
  return [buffer.getvalue()]


def _as_example(image: np.ndarray, shape: tf.TensorShape) -> List[bytes]:
  (encoded,) = _as_png(image, shape)
  example = tf.train.Example()
  for key, value in (('image/encoded', encoded), ('image/format', b'png')):
    example.features.feature[key].bytes_list.value.append(value)
  return [example.SerializeToString()]


INPUTS = (
  GraphInput('image_tensor', _as_tensor),
  GraphInput('encoded_image_string_tensor', _as_png),
  GraphInput('tf_example', _as_example),
)
