"""TensorFlow's converter, run on the graph of an SSD."""

import contextlib
import os
import sys
from typing import Iterator, List, NamedTuple, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

RAW_OUTPUTS = ('raw_outputs/box_encodings', 'raw_outputs/class_predictions')
_INPUT = 'normalized_input_image_tensor'
_DETECTIONS = 'TFLite_Detection_PostProcess'


class PixelStatistics(NamedTuple):
  """What a uint8 pixel stands for: (pixel - mean) / deviation."""

  mean: float
  deviation: float


def pixel_statistics(
  input_scale: List[float], input_offset: List[float]
) -> PixelStatistics:
  """Gives what a pixel of an 8-bit model stands for.

  Args:
    input_scale: of each channel, from a pixel to what the network takes.
    input_offset: of each channel, added after that.

  Raises:
    InputError: the channels differ, and a tensor of 8 bits has one scale.
  """
  if len(set(input_scale)) > 1 or len(set(input_offset)) > 1:
    raise errors.InputError(
      'an 8-bit TFLite model has one scale and offset for all colors, and the '
      f'feature extractor has scales {input_scale} and offsets {input_offset}'
    )
  scale, offset = input_scale[0], input_offset[0]
  # Measured in float32, 127.5 may come out below, and the zero point with it.
  return PixelStatistics(round(-offset / scale, 3), 1.0 / scale)


def convert(
  graph: str,
  input_shape: List[int],
  detects: bool,
  quantize: bool,
  pixels: Optional[PixelStatistics] = None,
) -> bytes:
  """Converts a frozen graph of the stock exporter.

  Args:
    graph: its path.
    input_shape: [1, height, width, 3].
    detects: whether it ends in TFLite's detection op.
    quantize: stores weights in 8 bits.
    pixels: for a graph with FakeQuant: what its uint8 pixels stand for. The
      model computes in 8 bits then.

  Returns:
    The content of a `.tflite` file.
  """
  outputs = list(RAW_OUTPUTS)
  if detects:
    outputs = [_DETECTIONS] + [f'{_DETECTIONS}:{i}' for i in (1, 2, 3)]
  converter = tf.lite.TFLiteConverter.from_frozen_graph(
    graph, [_INPUT], outputs, {_INPUT: input_shape}
  )
  converter.allow_custom_ops = True
  if pixels is not None:
    converter.inference_type = tf.uint8
    converter.quantized_input_stats = {_INPUT: tuple(pixels)}
  elif quantize:
    converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_SIZE]
  with _converter_found():
    return converter.convert()


@contextlib.contextmanager
def _converter_found() -> Iterator[None]:
  """Lets TensorFlow find its converter program in this environment."""
  path = os.environ.get('PATH', '')
  programs = os.path.dirname(sys.executable)
  os.environ['PATH'] = os.pathsep.join([programs, path])
  try:
    yield
  finally:
    os.environ['PATH'] = path
