"""Random parts, mirror images and light of photos."""

import numpy as np
from PIL import Image

_LEAST_SIDE = 0.5
_LIGHT = 0.25


def augment(image: np.ndarray, seed) -> np.ndarray:
  """Gives a variant of a photo; the same for the same seed.

  Args:
    image: uint8 [height, width, 3].
    seed: list of whole numbers.

  Returns:
    uint8, of the size of the photo, so that graphs see no new sizes.
  """
  rng = np.random.RandomState(seed)
  height, width = image.shape[:2]
  if rng.rand() < 0.7:
    side = rng.uniform(_LEAST_SIDE, 1)
    ratio = np.exp(rng.uniform(-0.2, 0.2))
    h = max(1, int(height * min(1.0, side * ratio)))
    w = max(1, int(width * min(1.0, side / ratio)))
    top, left = rng.randint(height - h + 1), rng.randint(width - w + 1)
    part = Image.fromarray(image[top : top + h, left : left + w])
    image = np.asarray(part.resize((width, height), Image.BILINEAR))
  if rng.rand() < 0.5:
    image = image[:, ::-1]
  gain = rng.uniform(1 - _LIGHT, 1 + _LIGHT)
  tint = rng.uniform(0.95, 1.05, 3)
  offset = rng.uniform(-_LIGHT, _LIGHT) * 60
  return np.clip(image * (gain * tint) + offset, 0, 255).astype(np.uint8)
