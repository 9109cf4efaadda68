import os

import numpy as np
import pytest
import tflite

from object_detection_pruning.common import errors
from object_detection_pruning.inference import tflite_detector, tflite_files

SIZES = [0.02, 0.3, 0.5, 0.9, 0.99]


def test_whole_model_is_read(exported):
  model = tflite_files.read(f'{exported}/model.tflite')
  assert model.Subgraphs(0).InputsLength() == 1


@pytest.mark.parametrize('share', SIZES)
def test_model_that_was_cut_off_is_refused_and_kills_no_process(
  exported, tmp_path, share
):
  with open(f'{exported}/model.tflite', 'rb') as file:
    content = file.read()
  path = tmp_path / 'model.tflite'
  path.write_bytes(content[: int(share * len(content))])
  with pytest.raises(errors.InputError, match='is a damaged TFLite model: '):
    tflite_detector.load(str(path))


def test_index_of_a_tensor_that_is_not_there_is_told(exported, tmp_path):
  with open(f'{exported}/model.tflite', 'rb') as file:
    content = bytearray(file.read())
  operator = tflite.Model.GetRootAsModel(content, 0).Subgraphs(0).Operators(0)
  inputs = operator.InputsAsNumpy().tobytes()
  place = bytes(content).index(inputs)
  content[place : place + 4] = np.int32(9999).tobytes()
  path = tmp_path / 'model.tflite'
  path.write_bytes(content)
  with pytest.raises(errors.InputError, match='no tensor 10000 in it'):
    tflite_files.read(str(path))
  assert os.path.getsize(str(path)) == len(content)
