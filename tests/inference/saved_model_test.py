import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.inference import saved_model

OUTPUTS = (
  'num_detections',
  'detection_boxes',
  'detection_scores',
  'detection_classes',
)


def write(folder, outputs=OUTPUTS, input_name='image_tensor', **options):
  """Writes a SavedModel whose one detection scores what a variable says."""
  graph = tf.Graph()
  with graph.as_default(), tf.Session() as session:
    image = tf.placeholder(tf.uint8, [None, None, None, 3], input_name)
    score = tf.get_variable('score', initializer=0.625)
    values = {
      'num_detections': tf.constant([1.0]),
      'detection_boxes': tf.constant([[[0.0, 0.0, 0.5, 1.0]]]),
      'detection_scores': tf.reshape(score, [1, 1]),
      'detection_classes': tf.constant([[3.0]]),
    }
    session.run(tf.global_variables_initializer())
    tf.saved_model.simple_save(
      session,
      folder,
      {'inputs': image},
      {name: values[name] for name in outputs},
      **options,
    )
  return folder


def test_variables_have_the_values_that_were_saved(tmp_path):
  detector = saved_model.load(write(str(tmp_path / 'model')))
  found = detector.detect(np.zeros([10, 20, 3], np.uint8))
  assert found.scores.tolist() == [0.625]
  assert found.class_ids.tolist() == [3]
  assert found.boxes.tolist() == [[0, 0, 5, 20]]


def test_missing_outputs_are_named(tmp_path):
  folder = write(str(tmp_path / 'model'), OUTPUTS[:2])
  with pytest.raises(
    errors.InputError, match='no output detection_classes, detection_scores$'
  ):
    saved_model.load(folder)


def test_unknown_input_is_refused(tmp_path):
  folder = write(str(tmp_path / 'model'), input_name='picture')
  with pytest.raises(errors.InputError, match='no input image_tensor or'):
    saved_model.load(folder)


@pytest.mark.parametrize('content', [b'', b'text', b'\x0a\xff'])
def test_damaged_file_is_refused(tmp_path, content):
  (tmp_path / 'saved_model.pb').write_bytes(content)
  with pytest.raises(errors.InputError, match='no SavedModel with the tag'):
    saved_model.load(str(tmp_path))


def test_missing_variables_are_told_in_one_line(tmp_path):
  folder = write(str(tmp_path / 'model'))
  for path in (tmp_path / 'model/variables').iterdir():
    path.unlink()
  with pytest.raises(errors.InputError, match='does not load') as caught:
    saved_model.load(folder)
  assert '\n' not in str(caught.value)
