"""Wide images in records, as resizers that keep the aspect ratio need them."""

import io

import tensorflow.compat.v1 as tf
from PIL import Image

# Twice this is the size that Faster R-CNNs are fed.
HEIGHT, WIDTH = 300, 512


def widen_record(path: str) -> None:
  """Stretches the images of a TFRecord file, in place."""
  examples = [
    widened(tf.train.Example.FromString(data))
    for data in tf.python_io.tf_record_iterator(path)
  ]
  with tf.python_io.TFRecordWriter(path) as writer:
    for example in examples:
      writer.write(example.SerializeToString())


def widened(example: tf.train.Example) -> tf.train.Example:
  """Stretches the image of an example and the masks of its objects.

  Boxes stay as they are, since they are shares of the image.
  """
  result = tf.train.Example()
  result.CopyFrom(example)
  feature = result.features.feature
  (image,) = feature['image/encoded'].bytes_list.value
  feature['image/encoded'].bytes_list.value[:] = [
    _stretched(image, Image.BILINEAR, 'JPEG')
  ]
  masks = feature['image/object/mask'].bytes_list
  masks.value[:] = [
    _stretched(mask, Image.NEAREST, 'PNG') for mask in masks.value
  ]
  feature['image/height'].int64_list.value[:] = [HEIGHT]
  feature['image/width'].int64_list.value[:] = [WIDTH]
  return result


def _stretched(encoded: bytes, resample: int, form: str) -> bytes:
  buffer = io.BytesIO()
  image = Image.open(io.BytesIO(encoded))
  image.resize((WIDTH, HEIGHT), resample).save(buffer, format=form)
  return buffer.getvalue()
