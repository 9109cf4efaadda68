import os
import shutil

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.evaluation import eval_set


def serialized(path):
  return list(tf.python_io.tf_record_iterator(path))


def write(path, examples):
  with tf.io.TFRecordWriter(str(path)) as writer:
    for example in examples:
      writer.write(example)
  return str(path)


def changed(example, name, values):
  """An example with other bytes or integers for a feature."""
  message = tf.train.Example.FromString(example)
  feature = message.features.feature[name]
  kind = feature.WhichOneof('kind')
  del getattr(feature, kind).value[:]
  getattr(feature, kind).value.extend(values)
  return message.SerializeToString()


def test_record_is_read_as_it_was_written(data):
  evaluated = eval_set.load([data.val_record], data.label_map)
  assert (evaluated.size, evaluated.largest_id) == (2, 4)
  assert evaluated.class_names[1] == 'box'
  for read, raw in zip(evaluated.read(), serialized(data.val_record)):
    features = tf.train.Example.FromString(raw).features.feature
    tops = np.array(features['image/object/bbox/ymin'].float_list.value)
    np.testing.assert_allclose(read.boxes[:, 0], tops * detectors.IMAGE_SIZE)
    assert read.image.shape == (detectors.IMAGE_SIZE, detectors.IMAGE_SIZE, 3)
    assert read.masks.shape[0] == len(read.boxes) == len(read.class_ids) > 0


def test_images_without_an_object_that_counts_are_refused(data, tmp_path):
  example = serialized(data.val_record)[0]
  message = tf.train.Example.FromString(example)
  for name, feature in message.features.feature.items():
    if name.startswith('image/object/'):
      feature.Clear()
  background = message.SerializeToString()
  count = len(
    tf.train.Example.FromString(example)
    .features.feature['image/object/class/label']
    .int64_list.value
  )
  crowd = tf.train.Example.FromString(example)
  flags = crowd.features.feature['image/object/is_crowd'].int64_list
  flags.value[:] = [1] * count
  path = write(tmp_path / 'v', [background, crowd.SerializeToString(), example])
  assert eval_set.load([path], data.label_map).size == 3
  for limit in (1, 2):
    with pytest.raises(
      errors.InputError, match=f'none of the {limit} images to be evaluated'
    ):
      eval_set.load([path], data.label_map, limit)


def test_patterns_and_lists_name_files_that_count_once(data, tmp_path):
  for shard in ('val-0', 'val-1'):
    shutil.copy(data.val_record, str(tmp_path / shard))
  pattern = str(tmp_path / 'val-*')
  evaluated = eval_set.load(
    [pattern, data.val_record, str(tmp_path / 'val-1')], data.label_map
  )
  assert [os.path.basename(path) for path in evaluated.paths] == [
    'val-0',
    'val-1',
    os.path.basename(data.val_record),
  ]
  assert evaluated.size == 6
  assert len({example.name for example in evaluated.read()}) == 6


def test_file_whose_name_has_wildcards_is_found(data, tmp_path):
  path = str(tmp_path / 'val[1].record')
  shutil.copy(data.val_record, path)
  assert eval_set.load([path], data.label_map).paths == [path]


@pytest.mark.parametrize('missing', ['/no/record', '/no/record-*'])
def test_every_pattern_must_name_a_file(data, missing):
  with pytest.raises(errors.InputError) as caught:
    eval_set.load([data.val_record, missing], data.label_map)
  assert str(caught.value) == f'no evaluation record at {missing!r}'


def test_display_names_are_shown(data, tmp_path):
  with open(data.label_map) as file:
    text = file.read().replace('name: "box"', 'name: "box" display_name: "Box"')
  label_map = tmp_path / 'map.pbtxt'
  label_map.write_text(text)
  evaluated = eval_set.load([data.val_record], str(label_map))
  assert evaluated.class_names[1] == 'Box'


LABELS = 'image/object/class/label'
TEXTS = 'image/object/class/text'


def objects(example):
  features = tf.train.Example.FromString(example).features.feature
  return len(features[LABELS].int64_list.value)


BAD_EXAMPLES = [
  (lambda _: b'hello', 'example 2, is no tf.Example'),
  (
    lambda _: tf.train.Example().SerializeToString(),
    'example 2, is no detection example: it has no image/encoded',
  ),
  (lambda e: changed(e, LABELS, [1] * 99), ' classes and 99 class/label'),
  (
    lambda e: changed(changed(e, TEXTS, []), LABELS, [1] * 99),
    'it has 99 classes and ',
  ),
  (
    lambda e: changed(e, LABELS, [9] * objects(e)),
    'example 2, has 9 for class ',
  ),
  (
    lambda e: changed(
      changed(e, LABELS, [2] * objects(e)), TEXTS, [b'box'] * objects(e)
    ),
    "example 2, has 2 for class 'box', and LABEL_MAP has 1",
  ),
  (
    lambda e: changed(changed(e, TEXTS, []), LABELS, [9] * objects(e)),
    "example 2, holds class 9, and the label map has 1 'box', 2 ",
  ),
  (
    lambda e: changed(e, TEXTS, [b'cat'] * objects(e)),
    "example 2, holds class 'cat', and the label map has 1 'box', 2 ",
  ),
]


@pytest.mark.parametrize('left_out', [LABELS, TEXTS])
def test_names_or_numbers_alone_say_the_class(data, tmp_path, left_out):
  whole = eval_set.load([data.val_record], data.label_map)
  path = write(
    tmp_path / 'a.record',
    [changed(each, left_out, []) for each in serialized(data.val_record)],
  )
  evaluated = eval_set.load([path], data.label_map)
  assert evaluated.size == whole.size
  for read, expected in zip(evaluated.read(), whole.read()):
    assert len(read.class_ids) > 0
    assert read.class_ids.dtype == expected.class_ids.dtype
    np.testing.assert_array_equal(read.class_ids, expected.class_ids)
    np.testing.assert_array_equal(read.masks, expected.masks)


@pytest.mark.parametrize('change, words', BAD_EXAMPLES)
def test_bad_example_is_named_with_its_record(data, tmp_path, change, words):
  first, second = serialized(data.val_record)
  path = write(tmp_path / 'bad.record', [first, change(second)])
  with pytest.raises(errors.InputError) as caught:
    # Beyond the limit too: it is the wrong record then.
    eval_set.load([path], data.label_map, limit=1)
  assert str(caught.value).startswith(f'{path}, example 2, ')
  assert words.replace('LABEL_MAP', data.label_map) in str(caught.value)
  assert '\n' not in str(caught.value)


def test_image_that_does_not_decode_is_named(data, tmp_path):
  first, second = serialized(data.val_record)
  bad = changed(second, 'image/encoded', [b'garbage'])
  path = write(tmp_path / 'bad.record', [first, bad])
  evaluated = eval_set.load([path], data.label_map)
  with pytest.raises(errors.InputError) as caught:
    list(evaluated.read())
  assert str(caught.value).startswith(
    f'{path}, example 2, has an image that does not decode'
  )


def test_records_cut_off_or_empty_are_refused(data, tmp_path):
  path = write(tmp_path / 'a.record', serialized(data.val_record))
  os.truncate(path, os.path.getsize(path) - 40)
  with pytest.raises(errors.InputError, match='damaged after example 1: '):
    eval_set.load([path], data.label_map)
  write(path, [])
  with pytest.raises(
    errors.InputError, match='evaluation set is empty: .*a.record$'
  ):
    eval_set.load([path], data.label_map)


@pytest.mark.parametrize('content', [b'this is { not a map', bytes(range(256))])
def test_file_that_is_no_label_map_is_refused(data, tmp_path, content):
  path = tmp_path / 'map.pbtxt'
  path.write_bytes(content)
  with pytest.raises(errors.InputError, match='map.pbtxt is no label map: '):
    eval_set.load([data.val_record], str(path))


def test_model_with_another_number_of_classes_is_refused(data, tmp_path):
  evaluated = eval_set.load([data.val_record], data.label_map)
  model = str(tmp_path / 'model.pb')
  evaluated.check_model(model)
  config = detectors.config(detectors.ssd())
  path = detectors.write(config, tmp_path)
  evaluated.check_model(model)
  evaluated.check_model(str(tmp_path / 'saved_model/'))
  config.model.ssd.num_classes = 3
  detectors.write(config, tmp_path)
  with pytest.raises(errors.InputError) as caught:
    evaluated.check_model(model)
  assert str(caught.value) == (
    f'{model} has 3 classes, as {path} says, and {data.label_map} has ids up '
    'to 4'
  )


MASK = 'image/object/mask'


def numerical(example, masks):
  """An example whose masks are numbers, positive ones on the object."""
  message = tf.train.Example.FromString(example)
  message.features.feature[MASK].float_list.value.extend(masks.ravel() - 0.5)
  return message.SerializeToString()


def test_numerical_masks_are_read_as_encoded_ones(data, tmp_path):
  encoded = eval_set.load([data.val_record], data.label_map).read()
  masks = [example.masks for example in encoded]
  assert 0 < masks[0].mean() < 1
  path = write(
    tmp_path / 'a.record', map(numerical, serialized(data.val_record), masks)
  )
  read = list(eval_set.load([path], data.label_map).read())
  assert len(read) == len(masks)
  for example, expected in zip(read, masks):
    assert example.masks.dtype == expected.dtype
    np.testing.assert_array_equal(example.masks, expected)


@pytest.mark.parametrize('more', [-1, 1])
def test_wrong_number_of_mask_numbers_is_refused(data, tmp_path, more):
  (example, _) = serialized(data.val_record)
  side = detectors.IMAGE_SIZE
  number = objects(example) * side * side + more
  path = write(tmp_path / 'a.record', [numerical(example, np.ones(number))])
  with pytest.raises(errors.InputError) as caught:
    list(eval_set.load([path], data.label_map).read())
  assert str(caught.value) == (
    f'{path}, example 1, has {number} numbers of masks for {objects(example)} '
    f'objects and an image of [{side}, {side}]'
  )
