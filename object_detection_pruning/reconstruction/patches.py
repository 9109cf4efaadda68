"""What a kernel's window sees: rows of inputs at some positions of its map."""

from typing import List, Sequence, Tuple

import numpy as np

from object_detection_pruning.reconstruction import kernel_layers


def geometry(
  layer: kernel_layers.KernelLayer, height: int, width: int
) -> List[Tuple[int, int]]:
  """Gives size of the output and zeros before the input, for both axes.

  Args:
    layer: a convolution.
    height: of the input.
    width: of the input.
  """
  result = []
  for axis, size in enumerate((height, width)):
    stride, dilation = layer.strides[axis], layer.dilations[axis]
    window = (layer.window[axis] - 1) * dilation + 1
    if layer.padding == 'SAME':
      out = -(-size // stride)
      before = max((out - 1) * stride + window - size, 0) // 2
    elif layer.padding == 'VALID':
      out, before = (size - window) // stride + 1, 0
    else:
      before, after = layer.explicit_paddings[2 * axis : 2 * axis + 2]
      out = (size + before + after - window) // stride + 1
    result.append((out, before))
  return result


def rows(
  layer: kernel_layers.KernelLayer, value: np.ndarray, positions: np.ndarray
) -> np.ndarray:
  """Gives the inputs of a kernel at some positions.

  Args:
    layer: a convolution, depthwise or not, or a fully connected layer.
    value: its input, [images, height, width, channels] or [images, channels].
    positions: numbers of output positions, counted over images, rows and
      columns.

  Returns:
    float32 [positions, taps, channels], zero where the window is outside.
  """
  if value.ndim == 2:
    return value[positions].astype(np.float32)[:, np.newaxis]
  images, height, width, channels = value.shape
  (out_h, top), (out_w, left) = geometry(layer, height, width)
  image, y, x = np.unravel_index(positions, (images, out_h, out_w))
  y, x = y * layer.strides[0] - top, x * layer.strides[1] - left
  taps = layer.window[0] * layer.window[1]
  flat = value.reshape(-1, channels)
  result = np.empty((len(positions), taps, channels), np.float32)
  for tap in range(taps):
    at_y = y + tap // layer.window[1] * layer.dilations[0]
    at_x = x + tap % layer.window[1] * layer.dilations[1]
    inside = (at_y >= 0) & (at_y < height) & (at_x >= 0) & (at_x < width)
    pixel = (image * height + np.where(inside, at_y, 0)) * width + np.where(
      inside, at_x, 0
    )
    result[:, tap] = flat[pixel]
    if not inside.all():
      result[~inside, tap] = 0
  return result


def sample(total: int, count: int, seed: Sequence[int]) -> np.ndarray:
  """Draws positions without repetition, the same for the same seed; sorted."""
  if count >= total:
    return np.arange(total)
  rng = np.random.RandomState(list(seed))
  return np.sort(rng.permutation(total)[:count])
