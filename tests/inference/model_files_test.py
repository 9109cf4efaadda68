import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.inference import model_files


@pytest.mark.parametrize(
  ('name', 'kind'),
  [
    ('frozen_inference_graph.pb', model_files.FROZEN_GRAPH),
    ('sparse_inference_graph.pb', model_files.SPARSE_GRAPH),
    ('saved_model', model_files.SAVED_MODEL),
    ('sparse_saved_model', model_files.SAVED_MODEL),
    ('model.tflite', model_files.TFLITE),
  ],
)
def test_content_tells_the_kind(exported, name, kind):
  assert model_files.kind_of(f'{exported}/{name}') == kind


def test_ending_of_the_name_does_not_count(write_graph):
  path = write_graph({'num_detections': 0}, name='graph.tflite')
  assert model_files.kind_of(path) == model_files.FROZEN_GRAPH


def test_tflite_file_is_known_by_its_identifier(tmp_path):
  (tmp_path / 'model').write_bytes(b'\x1c\0\0\0TFL3\0\0')
  assert model_files.kind_of(str(tmp_path / 'model')) == model_files.TFLITE


@pytest.mark.parametrize('content', [b'', b'text', b'\x0a\xff cut', b'\0' * 99])
def test_other_files_are_refused_with_what_is_allowed(tmp_path, content):
  (tmp_path / 'model.onnx').write_bytes(content)
  with pytest.raises(
    errors.InputError, match='model.onnx is no model: .*SavedModel'
  ) as caught:
    model_files.kind_of(str(tmp_path / 'model.onnx'))
  assert '\n' not in str(caught.value)


def test_export_folder_is_refused_with_the_names_in_it(exported):
  with pytest.raises(
    errors.InputError, match=r'several models: .*frozen_inference_graph\.pb'
  ):
    model_files.kind_of(exported)


def test_folder_without_a_model_is_refused(tmp_path):
  with pytest.raises(errors.InputError, match='folder without a SavedModel'):
    model_files.kind_of(str(tmp_path))
