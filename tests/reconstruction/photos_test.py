import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.reconstruction import photo_size, photos


def _save(path, size=(20, 10), colour=(9, 8, 7)):
  path.parent.mkdir(exist_ok=True)
  Image.new('RGB', size, colour).save(
    str(path), 'jpeg' if path.suffix == '.jpg' else 'png'
  )


def test_pictures_of_all_sub_folders_are_read_and_others_counted(tmp_path):
  _save(tmp_path / 'a.png')
  _save(tmp_path / 'sub/b.jpg')
  (tmp_path / 'notes.txt').write_text('no picture')
  found = photos.read([str(tmp_path)], 10)
  assert [image.shape for image in found.images] == [(10, 20, 3)] * 2
  assert found.skipped == 1


def test_no_more_than_the_limit_are_read_from_all_over_the_folder(tmp_path):
  for number in range(10):
    _save(tmp_path / f'{number}.png', colour=(number, 0, 0))
  found = photos.read([str(tmp_path)], 3)
  assert [image[0, 0, 0] for image in found.images] == [0, 3, 6]


def test_large_photos_are_scaled_down(tmp_path):
  _save(tmp_path / 'a.png', size=(2048, 512))
  assert photos.read([str(tmp_path)], 1).images[0].shape == (256, 1024, 3)


def test_photos_keep_what_the_detector_looks_at(tmp_path):
  _save(tmp_path / 'a.png', size=(1800, 1200))
  size = photo_size.PhotoSize(800, 1333)
  (image,) = photos.read([str(tmp_path)], 1, size).images
  assert image.shape == (800, 1200, 3)


def test_an_empty_folder_is_refused(tmp_path):
  with pytest.raises(errors.InputError, match='is empty'):
    photos.read([str(tmp_path)], 10)


def test_a_folder_without_pictures_is_refused(tmp_path):
  (tmp_path / 'a.txt').write_text('a')
  with pytest.raises(errors.InputError, match='none of the 1 files'):
    photos.read([str(tmp_path)], 10)


def test_a_path_that_is_not_there_is_refused(tmp_path):
  with pytest.raises(errors.InputError, match='nowhere'):
    photos.read([str(tmp_path / 'nowhere')], 10)


def test_records_are_read(tmp_path):
  _save(tmp_path / 'a.png')
  path = str(tmp_path / 'some.record')
  with tf.python_io.TFRecordWriter(path) as writer:
    example = tf.train.Example()
    feature = example.features.feature['image/encoded']
    feature.bytes_list.value.append((tmp_path / 'a.png').read_bytes())
    writer.write(example.SerializeToString())
  (image,) = photos.read([path], 10).images
  assert (image == np.array([9, 8, 7])).all()


def test_files_patterns_and_folders_count_as_one_list(tmp_path):
  for number in range(6):
    _save(tmp_path / f'in/{number}.png', colour=(number, 0, 0))
  _save(tmp_path / 'other/6.png', colour=(6, 0, 0))
  _save(tmp_path / 'named', colour=(7, 0, 0))
  (tmp_path / 'in/9.jpg').write_text('no picture')
  named = [
    str(tmp_path / 'in/[0-59].*'),
    str(tmp_path / 'other'),
    str(tmp_path / 'named'),
  ]
  found = photos.read(named, 3)
  assert [image[0, 0, 0] for image in found.images] == [0, 3, 1]
  assert found.skipped == 1


def test_generated_pictures_are_the_same_each_time_and_differ():
  first = photos.generated(2, size=64).images
  again = photos.generated(2, size=64).images
  assert (first[0] == again[0]).all()
  assert (first[0] != first[1]).any()


def test_mirror_images_come_behind_their_pictures():
  images = [np.random.RandomState(0).randint(0, 256, [4, 5, 3], np.uint8)] * 2
  found = photos.with_mirror_images(photos.Photos(images, skipped=1))
  assert len(found.images) == 4
  assert found.images[0] is images[0] and found.images[2] is images[1]
  np.testing.assert_array_equal(found.images[1], np.fliplr(images[0]))
  assert found.skipped == 1
