"""Runs TFLite detectors with the interpreter that TensorFlow brings."""

import json
import os
from typing import Any, Dict, Optional

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.inference import resizing, tflite_files
from object_detection_pruning.inference.detector import Detector

# What most of the stock SSDs do: from 0 to 255 into -1 to 1.
_USUAL = {'input_scale': [2 / 255.0] * 3, 'input_offset': [-1.0] * 3}
_METHOD = 'resize_method'
_PIXELS = (np.float32, np.uint8)
_OUTPUTS = (
  'detection_boxes',
  'detection_classes',
  'detection_scores',
  'num_detections',
)


class TFLiteDetector(Detector):
  """Runs one model.

  Args:
    interpreter: has the model loaded and its tensors allocated.
    resize: makes the model's input of an image.
    limit: most detections to give, the surest; None for all.
  """

  def __init__(
    self,
    interpreter: tf.lite.Interpreter,
    resize: resizing.Resizer,
    limit: Optional[int] = None,
  ):
    self._interpreter = interpreter
    (self._input,) = interpreter.get_input_details()
    self._outputs = interpreter.get_output_details()
    self._resize = resize
    self._limit = limit

  def run(self, image: np.ndarray) -> Dict[str, np.ndarray]:
    self._interpreter.set_tensor(self._input['index'], self._resize(image))
    self._interpreter.invoke()
    found = {
      name: self._interpreter.get_tensor(details['index'])[0]
      for name, details in zip(_OUTPUTS, self._outputs)
    }
    count = found.pop('num_detections')
    found = {name: values[: self._limit] for name, values in found.items()}
    found['num_detections'] = min(count, len(found['detection_scores']))
    # TFLite counts classes from 0, and label maps from 1.
    found['detection_classes'] = found['detection_classes'] + 1
    return found


def load(path: str, threads: Optional[int] = None) -> TFLiteDetector:
  """Loads a TFLite detector.

  Args:
    path: a `.tflite` file. Where a `.json` of the same name lies beside it, as
      `export_tflite` writes it, that says how images are resized and pixels
      normalized; without one they are scaled bilinearly, and go to -1 to 1.
    threads: to scale images with, see `sessions.config`; the interpreter of
      this TensorFlow takes one.

  Raises:
    InputError: the file is no TFLite model, a damaged one, or no detector, or
      takes images of another type.
  """
  tflite_files.read(path)
  try:
    interpreter = tf.lite.Interpreter(model_path=path)
    interpreter.allocate_tensors()
  except (ValueError, RuntimeError) as error:
    reason = str(error).strip().splitlines()[0]
    raise errors.InputError(f'{path} does not load as a TFLite model: {reason}')
  inputs = interpreter.get_input_details()
  is_image = len(inputs) == 1 and list(inputs[0]['shape'][3:]) == [3]
  if not is_image or len(interpreter.get_output_details()) != len(_OUTPUTS):
    raise errors.InputError(
      f'{path} is no detector: it must take one image and give boxes, classes, '
      'scores and their number'
    )
  dtype = inputs[0]['dtype']
  if dtype not in _PIXELS:
    raise errors.InputError(
      f'{path} takes images of {np.dtype(dtype).name}: only those of '
      f'{" and ".join(np.dtype(each).name for each in _PIXELS)} can be made'
    )
  description = _description(sidecar(path))
  _, height, width, _ = inputs[0]['shape']
  resize = resizing.Resizer(
    height,
    width,
    description['input_scale'],
    description['input_offset'],
    dtype == np.uint8,
    threads,
    description.get(_METHOD, resizing.BILINEAR),
  )
  return TFLiteDetector(interpreter, resize, description.get('max_detections'))


def sidecar(path: str) -> str:
  """The file beside a model that says how to feed it and what to take."""
  return os.path.splitext(path)[0] + '.json'


def _description(path: str) -> Dict[str, Any]:
  if not os.path.exists(path):
    return _USUAL
  try:
    with open(path) as file:
      description = json.load(file)
    for key in _USUAL:
      if np.array(description[key], np.float32).shape != (3,):
        raise ValueError(key)
    if not isinstance(description.get('max_detections'), (int, type(None))):
      raise ValueError('max_detections')
    if description.get(_METHOD, resizing.BILINEAR) not in resizing.METHODS:
      raise ValueError(_METHOD)
  except (ValueError, KeyError, TypeError):
    raise errors.InputError(
      f'{path} does not describe a model: it must have '
      f'{" and ".join(_USUAL)}, three numbers each, and may have a whole '
      f'number max_detections and a {_METHOD}, one of '
      f'{", ".join(resizing.METHODS)}'
    )
  return description
