import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import (
  problems,
  shapes,
  shapes_source,
  styles,
)


def _images(split, count):
  told = problems.Problems(pytest.fail)
  return [split.read(item, told) for item in split.items[:count]]


def test_boxes_are_tight_around_the_masks():
  data = shapes_source.generate(6, 1, image_size=96, seed=4)
  for image in _images(data.train, 6):
    assert image.instances
    for instance in image.instances:
      rows, columns = np.nonzero(instance.mask)
      assert instance.box == (
        rows.min(),
        columns.min(),
        rows.max() + 1,
        columns.max() + 1,
      )
      assert instance.area == instance.mask.sum()
      assert shapes.CLASSES[instance.label - 1] == instance.name
      assert data.class_ids[instance.name] == instance.label


def test_val_images_do_not_depend_on_the_number_of_train_images():
  few = shapes_source.generate(1, 3, image_size=64, seed=0)
  many = shapes_source.generate(1000, 3, image_size=64, seed=0)
  encoded = [image.file.encoded for image in _images(few.val, 3)]
  assert encoded == [image.file.encoded for image in _images(many.val, 3)]
  assert len(set(encoded)) == 3


def test_no_two_images_are_alike():
  data = shapes_source.generate(5, 5, image_size=64, seed=0)
  images = _images(data.train, 5) + _images(data.val, 5)
  assert len({image.file.encoded for image in images}) == 10
  assert len({image.source_id for image in images}) == 10


@pytest.mark.parametrize(
  'arguments, reason',
  [
    ((0, 1, 96, 0), 'num_train must be in .1, .* got 0'),
    ((1, -3, 96, 0), 'num_val must be in .1, .* got -3'),
    ((1, 1, 16, 0), 'image_size must be'),
    ((1, 1, 96, -1), 'seed must be'),
  ],
)
def test_refuses_arguments_out_of_range(arguments, reason):
  with pytest.raises(errors.InputError, match=reason):
    shapes_source.generate(*arguments)


def test_draws_the_scenes_of_the_style_that_is_named():
  data = shapes_source.generate(1, 1, 64, 0, 'easy')
  plain = shapes_source.generate(1, 1, 64, 0)
  (easy,), (standard,) = _images(data.train, 1), _images(plain.train, 1)
  assert easy.file.encoded != standard.file.encoded
  scene = shapes.generate(0, 0, 64, styles.EASY)
  np.testing.assert_array_equal(
    [each.mask for each in easy.instances], scene.masks
  )


def test_refuses_a_style_that_there_is_not():
  with pytest.raises(errors.InputError, match="one of easy, standard, got 'x'"):
    shapes_source.generate(1, 1, 64, 0, 'x')
