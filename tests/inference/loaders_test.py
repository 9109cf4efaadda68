import pytest

from object_detection_pruning.core import errors
from object_detection_pruning.inference import loaders


def test_names_a_missing_file():
  with pytest.raises(errors.InputError, match='no such graph: nowhere.pb'):
    loaders.load_detector('nowhere.pb')


def test_refuses_a_folder(tmp_path):
  with pytest.raises(errors.InputError, match='is a folder'):
    loaders.load_detector(str(tmp_path))


def test_names_the_kinds_it_knows(tmp_path):
  (tmp_path / 'model.onnx').write_text('')
  with pytest.raises(errors.InputError, match=r'no known kind; .*\.pb'):
    loaders.load_detector(str(tmp_path / 'model.onnx'))


def test_ending_may_be_in_capitals(tmp_path):
  (tmp_path / 'GRAPH.PB').write_bytes(b'text')
  with pytest.raises(errors.InputError, match='no TensorFlow graph'):
    loaders.load_detector(str(tmp_path / 'GRAPH.PB'))
