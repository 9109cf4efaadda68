import detectors
import pytest
import tensorflow.compat.v1 as tf
from object_detection.utils import dataset_util

from object_detection_pruning.common import errors
from object_detection_pruning.evaluation import record_classes


@pytest.fixture
def make(tmp_path):
  """Makes a config of 4 classes on one example; gives both checks' refusal."""

  def check(label_map, names=(), labels=()):
    config = detectors.config(detectors.ssd())
    features = {
      'image/object/class/text': dataset_util.bytes_list_feature(
        [name.encode() for name in names]
      ),
      'image/object/class/label': dataset_util.int64_list_feature(list(labels)),
    }
    record = str(tmp_path / 'record')
    with tf.io.TFRecordWriter(record) as writer:
      for each in ({}, features):  # The first one is a picture of background.
        message = tf.train.Features(feature=each)
        writer.write(tf.train.Example(features=message).SerializeToString())
    path = ''
    if label_map:
      (tmp_path / 'map').write_text(label_map)
      path = str(tmp_path / 'map')
    said = []
    for reader in (config.train_input_reader, config.eval_input_reader[0]):
      reader.label_map_path = path
      reader.tf_record_input_reader.input_path[:] = [record]
    for function in (
      record_classes.check_training,
      record_classes.check_evaluation,
    ):
      try:
        function(config)
      except errors.InputError as error:
        said.append(str(error).split(f'{record}, ')[1])
    assert len(said) in (0, 2) and len(set(said)) < 2
    return said and said[0]

  return check


CAT = 'item { name: "cat" id: 3 display_name: "Cat" }'
FAR = 'item { name: "cat" id: 7 }'


def test_takes_names_and_numbers_of_the_map(make):
  assert not make(CAT, ['cat', 'Cat'], [3, 3])
  assert not make(CAT, (), [3])
  assert not make('', (), [4])
  # The stock reader goes by the name where there is one.
  assert not make(CAT, ['cat'], [1])


@pytest.mark.parametrize(
  'label_map, names, labels, reason',
  [
    (CAT, ['dog'], [3], "class 'dog', and the map has 3 'cat', 3 'Cat'"),
    (CAT, (), [2], "class 2, and the map has 3 'cat', 3 'Cat'"),
    (FAR, ['cat'], [1], 'class 7, and the model has 4 (num_classes)'),
    ('', (), [5], 'class 5, and the model has 4 (num_classes)'),
  ],
)
def test_names_a_class_that_would_count_as_background(
  make, label_map, names, labels, reason
):
  assert make(label_map, names, labels) == f'example 2, has {reason}'
