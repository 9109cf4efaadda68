import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.inference import tflite_detector, tflite_files


class _Interpreter:
  """Of a detector with an image of a type."""

  dtype = np.int8

  def __init__(self, model_path):
    pass

  def allocate_tensors(self):
    pass

  def get_input_details(self):
    shape = np.array([1, 30, 40, 3])
    return [{'shape': shape, 'dtype': self.dtype, 'index': 0}]

  def get_output_details(self):
    return [{'index': number} for number in range(1, 5)]


def test_images_of_a_type_that_cannot_be_made_are_refused(monkeypatch):
  monkeypatch.setattr(tflite_files, 'read', lambda path: None)
  monkeypatch.setattr(tf.lite, 'Interpreter', _Interpreter)
  line = 'a.tflite takes images of int8: only those of float32 and uint8'
  with pytest.raises(errors.InputError, match=line):
    tflite_detector.load('a.tflite')
  monkeypatch.setattr(_Interpreter, 'dtype', np.uint8)
  tflite_detector.load('a.tflite')
