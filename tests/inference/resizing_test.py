import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.builders import image_resizer_builder
from object_detection.protos import image_resizer_pb2

from object_detection_pruning.inference import resizing

SIZES = [(7, 5, 20, 9), (40, 31, 8, 13), (16, 16, 8, 8), (1, 1, 3, 2)]


@pytest.mark.parametrize('height, width, new_height, new_width', SIZES)
def test_scales_as_the_graphs_of_detectors_do(
  height, width, new_height, new_width
):
  image = np.random.RandomState(0).randint(0, 256, [height, width, 3])
  image = image.astype(np.uint8)
  with tf.Session() as session:
    pixels = session.run(tf.image.resize_images(image, [new_height, new_width]))
  scale, offset = np.float32([0.5, 2.0, 1.0]), np.float32([1.0, 0.0, -3.0])
  (found,) = resizing.Resizer(new_height, new_width, scale, offset)(image)
  assert found.dtype == np.float32
  np.testing.assert_array_equal(found, pixels * scale + offset)
  (found,) = resizing.Resizer(new_height, new_width, scale, offset, True)(image)
  assert found.dtype == np.uint8
  np.testing.assert_array_equal(found, np.round(pixels))


@pytest.mark.parametrize('method', sorted(resizing.METHODS))
@pytest.mark.parametrize('size', [(12, 10), (35, 51), (24, 30)])
def test_each_method_is_that_of_the_stock_resizer(method, size):
  noise = np.random.RandomState(0).randint(0, 2, [24, 30, 3])
  image = (noise * 255).astype(np.uint8)
  message = text_format.Parse(
    f'fixed_shape_resizer {{ height: {size[0]} width: {size[1]} '
    f'resize_method: {method} }}',
    image_resizer_pb2.ImageResizer(),
  )
  stock = image_resizer_builder.build(message)
  with tf.Session() as session:
    pixels = session.run(stock(tf.constant(image, tf.float32))[0])
  scaling = [1.0] * 3, [0.0] * 3
  (found,) = resizing.Resizer(*size, *scaling, method=method)(image)
  np.testing.assert_array_equal(found, pixels)
  integers = resizing.Resizer(*size, *scaling, True, method=method)
  assert integers(image).dtype == np.uint8
  np.testing.assert_array_equal(
    integers(image)[0], np.round(pixels).clip(0, 255)
  )


def test_pixels_are_sampled_at_their_corners():
  image = np.uint8([[[0] * 3, [100] * 3, [200] * 3, [40] * 3]])
  (found,) = resizing.Resizer(1, 2, [1, 1, 1], [0, 0, 0])(image)
  np.testing.assert_array_equal(found[0, :, 0], [0, 200])
