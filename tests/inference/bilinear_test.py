import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies

from object_detection_pruning.inference import bilinear

SIZES = strategies.integers(1, 40)


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(SIZES, SIZES, SIZES, SIZES)
def test_scales_as_tensorflow_does(height, width, new_height, new_width):
  image = np.random.RandomState(0).randint(0, 256, [height, width, 3])
  image = image.astype(np.uint8)
  with tf.Graph().as_default(), tf.Session() as session:
    expected = session.run(
      tf.image.resize_images(image, [new_height, new_width])
    )
  found = bilinear.resize(image, new_height, new_width)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected, atol=2e-3)
