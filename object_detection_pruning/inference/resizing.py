"""Images scaled and normalized for a model that takes them so."""

from typing import Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import sessions

BILINEAR = 'BILINEAR'
# By their names in an `image_resizer`.
METHODS = {
  BILINEAR: tf.image.ResizeMethod.BILINEAR,
  'NEAREST_NEIGHBOR': tf.image.ResizeMethod.NEAREST_NEIGHBOR,
  'BICUBIC': tf.image.ResizeMethod.BICUBIC,
  'AREA': tf.image.ResizeMethod.AREA,
}


class Resizer:
  """Scales images as the detectors' own graphs do it: by the same op.

  It samples at the corner of a pixel, and the bilinear one averages no more
  than four, unlike what image libraries do; a detector trained with one finds
  less with another.
  """

  def __init__(
    self,
    height: int,
    width: int,
    scale: Sequence[float],
    offset: Sequence[float],
    as_integers: bool = False,
    threads: Optional[int] = None,
    method: str = BILINEAR,
  ):
    """Builds the graph.

    Args:
      height: of the result.
      width: of the result.
      scale: of each channel, after scaling the image.
      offset: of each channel, added last.
      as_integers: whether the result is uint8; scale and offset are not used.
      threads: within an op, and ops at a time, see `sessions.config`.
      method: of scaling the image, one of `METHODS`.
    """
    with tf.Graph().as_default() as graph:
      self._image = tf.placeholder(tf.uint8, [None, None, 3])
      pixels = tf.image.resize_images(
        tf.cast(self._image[tf.newaxis], tf.float32),
        [height, width],
        METHODS[method],
      )
      if as_integers:
        # The bicubic one goes beyond black and white.
        self._result = tf.saturate_cast(tf.round(pixels), tf.uint8)
      else:
        self._result = pixels * np.float32(scale) + np.float32(offset)
    self._session = sessions.open_session(graph, threads, threads)

  def __call__(self, image: np.ndarray) -> np.ndarray:
    """Gives a batch of one image, [1, height, width, 3].

    Args:
      image: uint8 [height, width, 3].
    """
    return self._session.run(self._result, {self._image: image})
