"""Instance masks: from the grid within a box to the pixels of the image."""

import numpy as np
from PIL import Image


def paste(
  masks: np.ndarray,
  boxes: np.ndarray,
  height: int,
  width: int,
  threshold: float = 0.5,
) -> np.ndarray:
  """Scales each mask to its box and pastes it into the image.

  Args:
    masks: float32 [n, mask_height, mask_width], how likely each cell of the
      grid over the box belongs to the object.
    boxes: float [n, 4], (ymin, xmin, ymax, xmax) in pixels, within the image.
    height: of the image, in pixels.
    width: of the image, in pixels.
    threshold: a pixel belongs to the object where it is likelier than this.

  Returns:
    bool [n, height, width].
  """
  pasted = np.zeros((len(masks), height, width), bool)
  for target, mask, box in zip(pasted, masks, boxes):
    top, left = np.floor(box[:2]).astype(int)
    bottom, right = np.ceil(box[2:]).astype(int)
    if bottom <= top or right <= left:
      continue
    scaled = Image.fromarray(mask.astype(np.float32)).resize(
      (right - left, bottom - top), Image.BILINEAR
    )
    target[top:bottom, left:right] = np.asarray(scaled) > threshold
  return pasted


def outline(mask: np.ndarray, thickness: int) -> np.ndarray:
  """The pixels of a mask that lie near its edge.

  Args:
    mask: bool [height, width].
    thickness: of the outline, in pixels.

  Returns:
    bool [height, width], a part of `mask`.
  """
  inner = mask
  for _ in range(thickness):
    padded = np.pad(inner, 1, mode='constant')
    inner = (
      padded[1:-1, 1:-1]
      & padded[:-2, 1:-1]
      & padded[2:, 1:-1]
      & padded[1:-1, :-2]
      & padded[1:-1, 2:]
    )
  return mask & ~inner
