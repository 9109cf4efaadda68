"""What every loaded detector can do, whatever file it came from."""

import abc
from typing import Dict, Optional

import numpy as np

from object_detection_pruning.common import errors
from object_detection_pruning.inference import detections


class Detector(abc.ABC):
  """A detector that takes one image at a time.

  A subclass runs one kind of exported model; it only has to give that model's
  outputs under the names of the Object Detection API.
  """

  @abc.abstractmethod
  def run(self, image: np.ndarray) -> Dict[str, np.ndarray]:
    """Runs the model.

    Args:
      image: uint8 [height, width, 3], RGB.

    Returns:
      The outputs that `detections.from_outputs` takes.
    """

  def detect(
    self,
    image: np.ndarray,
    min_score: float = 0.0,
    max_detections: Optional[int] = None,
  ) -> detections.Detections:
    """Finds the objects in an image.

    Args:
      image: uint8 [height, width, 3], RGB.
      min_score: detections that score less are left out.
      max_detections: how many of the surest to keep; None keeps all.

    Returns:
      The detections, the surest first.

    Raises:
      errors.InputError: the image has another type or shape.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
      raise errors.InputError(
        'image must be uint8 [height, width, 3], got '
        f'{image.dtype} {list(image.shape)}'
      )
    return detections.from_outputs(
      self.run(image), image.shape[0], image.shape[1], min_score, max_detections
    )
