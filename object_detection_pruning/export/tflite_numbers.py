"""The numbers that a TFLite model computes in: floats, or 8 bits in part."""

from typing import Callable, Iterator, List, NamedTuple, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors


class Numbers:
  """What weights and activations are; floats, where a converter is not told."""

  def set_up(self, converter, image: str) -> None:
    """Asks a converter for these numbers.

    Args:
      converter: a `tf.lite.TFLiteConverter`, changed.
      image: the name of its input.
    """


class Floats(Numbers):
  """Weights and activations are floats."""


class EightBitWeights(Numbers):
  """Kernels are stored in 8 bits; the rest is floats."""

  def set_up(self, converter, image: str) -> None:
    del image
    converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_SIZE]


class TrainedRanges(Numbers):
  """All in 8 bits, with the ranges that training left in FakeQuant ops.

  Args:
    mean: of the pixels; one stands for (pixel - mean) / deviation.
    deviation: of the pixels.
  """

  def __init__(self, mean: float, deviation: float):
    self.mean = mean
    self.deviation = deviation

  def set_up(self, converter, image: str) -> None:
    converter.inference_type = tf.uint8
    converter.quantized_input_stats = {image: (self.mean, self.deviation)}


class MeasuredRanges(Numbers):
  """All in 8 bits, with the ranges that are measured on photos.

  Kernels have a scale for each output channel (Jacob et al., CVPR 2018;
  Krishnamoorthi, arXiv:1806.08342, section 3.1).

  Args:
    batches: gives float [1, height, width, 3] as the network takes them. Those
      of a model that takes uint8 must reach from black to white.
    takes_integers: whether the model takes uint8 pixels, else floats.
  """

  def __init__(
    self, batches: Callable[[], Iterator[np.ndarray]], takes_integers: bool
  ):
    self._batches = batches
    self._takes_integers = takes_integers

  def set_up(self, converter, image: str) -> None:
    del image
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
      [batch] for batch in self._batches()
    )
    # No others, so that nothing stays in floats without a word.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if self._takes_integers:
      converter.inference_input_type = tf.uint8


class PixelScaling(NamedTuple):
  """What a network takes for pixels: scale * pixel + offset, by channel."""

  input_scale: List[float]
  input_offset: List[float]

  @property
  def is_one(self) -> bool:
    """Whether it is the same for all channels."""
    return len(set(self.input_scale)) == len(set(self.input_offset)) == 1


def trained_ranges(scaling: PixelScaling) -> TrainedRanges:
  """Gives the numbers of a model that was trained with quantisation.

  Raises:
    InputError: channels are scaled differently, and a tensor of 8 bits has one
      scale.
  """
  if not scaling.is_one:
    raise errors.InputError(
      'an 8-bit TFLite model has one scale and offset for all colors, and the '
      f'feature extractor has scales {scaling.input_scale} and offsets '
      f'{scaling.input_offset}'
    )
  scale, offset = scaling.input_scale[0], scaling.input_offset[0]
  # Measured in float32, 127.5 may come out below, and the zero point with it.
  return TrainedRanges(round(-offset / scale, 3), 1.0 / scale)


def measured_ranges(
  images: Sequence[np.ndarray],
  resize: Callable[[np.ndarray], np.ndarray],
  scaling: PixelScaling,
) -> MeasuredRanges:
  """Gives the numbers of a model whose ranges photos tell.

  Args:
    images: photos, uint8 [height, width, 3] each.
    resize: makes the network's input of one, [1, height, width, 3]; what is
      darker than black or brighter than white is cut to these.
    scaling: what `resize` does to pixels.

  Raises:
    InputError: there is no photo.
  """
  if not images:
    raise errors.InputError('images must be one photo or more, got none')
  black = np.float32(scaling.input_offset)
  white = black + 255 * np.float32(scaling.input_scale)

  def batches():
    for image in images:
      # The model is told pixels of 8 bits, which no bicubic resize goes beyond.
      batch = np.clip(
        resize(image), np.minimum(black, white), np.maximum(black, white)
      )
      # The range of the input is that of all pixels, whatever the photos show.
      batch[0, 0, 0], batch[0, -1, -1] = black, white
      yield batch

  return MeasuredRanges(batches, scaling.is_one)
