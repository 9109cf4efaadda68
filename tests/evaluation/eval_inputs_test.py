import shutil

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import boxes, image_files
from object_detection_pruning.dataset_tools import examples as examples_lib
from object_detection_pruning.evaluation import eval_inputs, eval_set


@pytest.fixture
def config(data):
  return detectors.config(detectors.ssd(), data)


def test_objects_are_those_of_the_records(config, data):
  reader = eval_inputs.reader(config)
  images = eval_inputs.load(config, reader, eval_inputs.serialized(reader))
  examples = list(eval_set.load([data.val_record], data.label_map).read())
  assert len(images) == len(examples) == 2
  assert len({image.truth.image_id for image in images}) == 2
  for image, example in zip(images, examples):
    np.testing.assert_allclose(image.truth.boxes, example.boxes, rtol=1e-5)
    np.testing.assert_array_equal(image.truth.class_ids, example.class_ids)
    np.testing.assert_array_equal(image.truth.is_crowd, example.is_crowd)


def _write(path, *instances):
  """Writes an example of 40 by 80 pixels."""
  encoded = image_files.png(Image.fromarray(np.zeros((40, 80, 3), np.uint8)))
  file = image_files.ImageFile(encoded, 'png', 40, 80)
  image = examples_lib.AnnotatedImage(file, 'a.png', '1', list(instances))
  with tf.io.TFRecordWriter(str(path)) as writer:
    writer.write(examples_lib.to_example(image).SerializeToString())
  return str(path)


_ASPECT = 'keep_aspect_ratio_resizer { min_dimension: 48 max_dimension: 96 %s }'


@pytest.mark.parametrize(
  'resizer, size',
  [
    ('fixed_shape_resizer { height: 96 width: 96 }', [96, 96]),
    (_ASPECT % '', [48, 96]),
    (_ASPECT % 'pad_to_max_dimension: true', [96, 96]),
  ],
)
def test_boxes_are_in_the_image_without_its_padding(
  config, tmp_path, resizer, size
):
  box = boxes.Box(ymin=8, xmin=16, ymax=24, xmax=48)
  path = _write(
    tmp_path / 'a.record', examples_lib.Instance(1, 'box', box, area=512)
  )
  config.model.ssd.image_resizer.Clear()
  text_format.Merge(resizer, config.model.ssd.image_resizer)
  reader = eval_inputs.reader(_with_record(config, path))
  (image,) = eval_inputs.load(config, reader, eval_inputs.serialized(reader))
  assert image.features['image'].shape == (1, *size, 3)
  np.testing.assert_allclose(image.truth.boxes, [box], rtol=1e-5)


def test_as_many_images_are_read_as_asked_for(config):
  reader = eval_inputs.reader(config)
  examples = eval_inputs.serialized(reader, 1)
  assert len(eval_inputs.load(config, reader, examples)) == 1


def _with_record(config, *paths):
  config.eval_input_reader[0].tf_record_input_reader.input_path[:] = paths
  return config


def test_patterns_become_the_files_that_they_name(config, data):
  pattern = data.val_record.replace('val', 'v?l')
  reader = eval_inputs.reader(_with_record(config, pattern, '/no/file'))
  assert list(reader.tf_record_input_reader.input_path) == [data.val_record]


def with_weights(reader, *weights):
  """Gives weights to the patterns of a reader, or skips the test."""
  if 'sample_from_datasets_weights' not in reader.DESCRIPTOR.fields_by_name:
    pytest.skip('input readers of the API of 2019 have no weights')
  reader.sample_from_datasets_weights[:] = weights
  return reader


def test_files_share_the_weight_of_their_pattern(config, data, tmp_path):
  for name in ('a-0', 'a-1', 'b-0'):
    shutil.copy(data.train_record, str(tmp_path / name))
  (tmp_path / 'a-2').write_text('')
  reader = config.train_input_reader
  reader.tf_record_input_reader.input_path[:] = [
    str(tmp_path / name) for name in ('a-*', 'none', '[b]-*', 'a-1')
  ]
  with_weights(reader, 0.5, 0.25, 0.125, 1.0)
  eval_inputs.name_files(reader, 'training input')
  # The empty file and the pattern without one have none. What two patterns
  # stand for has the weight of both.
  assert list(reader.tf_record_input_reader.input_path) == [
    str(tmp_path / name) for name in ('a-0', 'a-1', 'b-0')
  ]
  assert list(reader.sample_from_datasets_weights) == [0.25, 1.25, 0.125]
  # Any of them may be the one that examples come from.
  assert len(eval_inputs.serialized(reader, 3)) == 3 * 3
  reader.sample_from_datasets_weights.append(1.0)
  with pytest.raises(
    errors.InputError, match=r'^training input must have .*input_path \(3\), g'
  ):
    eval_inputs.name_files(reader, 'training input')


def test_evaluation_reads_all_examples_once_whatever_their_weights(
  config, data
):
  _with_record(config, data.val_record, data.train_record)
  with_weights(config.eval_input_reader[0], 0.0, 1.0)
  reader = eval_inputs.reader(config)
  assert not reader.sample_from_datasets_weights
  assert len(eval_inputs.serialized(reader)) == 2 + 8


def test_what_is_missing_is_told_in_a_line(config, tmp_path):
  empty = str(tmp_path / 'empty.record')
  tf.io.TFRecordWriter(empty).close()
  reader = eval_inputs.reader(_with_record(config, empty))
  with pytest.raises(errors.InputError) as caught:
    eval_inputs.serialized(reader)
  assert str(caught.value) == f'the evaluation set is empty: {empty}'
  config.eval_input_reader[0].label_map_path = '/no/map'
  with pytest.raises(errors.InputError, match="^no label map at '/no/map'$"):
    eval_inputs.reader(config)
  with pytest.raises(errors.InputError, match="^no evaluation record at '/no'"):
    eval_inputs.reader(_with_record(config, '/no'))
  del config.eval_input_reader[:]
  with pytest.raises(errors.InputError, match='has no eval_input_reader$'):
    eval_inputs.reader(config)
