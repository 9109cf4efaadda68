"""TensorFlow's converter, run on the graph of an SSD."""

import contextlib
import os
import sys
from typing import Iterator, List

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.export import tflite_numbers

RAW_OUTPUTS = ('raw_outputs/box_encodings', 'raw_outputs/class_predictions')
_INPUT = 'normalized_input_image_tensor'
_DETECTIONS = 'TFLite_Detection_PostProcess'


def convert(
  graph: str,
  input_shape: List[int],
  detects: bool,
  numbers: tflite_numbers.Numbers,
) -> bytes:
  """Converts a frozen graph of the stock exporter.

  Args:
    graph: its path.
    input_shape: [1, height, width, 3].
    detects: whether it ends in TFLite's detection op.
    numbers: what the model computes in.

  Returns:
    The content of a `.tflite` file.

  Raises:
    InputError: the converter refuses the graph; the line says why.
  """
  outputs = list(RAW_OUTPUTS)
  if detects:
    outputs = [_DETECTIONS] + [f'{_DETECTIONS}:{i}' for i in (1, 2, 3)]
  converter = tf.lite.TFLiteConverter.from_frozen_graph(
    graph, [_INPUT], outputs, {_INPUT: input_shape}
  )
  converter.allow_custom_ops = True
  numbers.set_up(converter, _INPUT)
  with _converter_found():
    try:
      return converter.convert()
    except Exception as error:  # The converter raises anything.
      reason = str(error).strip().splitlines() or [type(error).__name__]
      raise errors.InputError(
        f"TensorFlow's converter refuses the model: {reason[0]}"
      )


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
