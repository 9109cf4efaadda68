import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import checkpoint_masks, masking

SHAPE = (2, 3)
CHECKPOINT = {
  'a/weights': SHAPE,
  'a/mask': SHAPE,
  'a/threshold': (),
  'b/weights': SHAPE,
}


def build(*kernels, mask='^$'):
  with masking.masking_scope(include=[mask]):
    for kernel in kernels:
      tf.get_variable(kernel, SHAPE)


def check():
  checkpoint_masks.check_built('model.ckpt-7', CHECKPOINT)


def test_masks_that_are_built_are_fine():
  build('a/weights', 'b/weights', mask='^a$')
  check()


def test_masks_that_both_have_are_given():
  build('a/weights', 'b/weights', 'c/weights', mask='a|c')
  checkpoint_masks.check_given('model.ckpt-7', CHECKPOINT)


def test_mask_that_the_checkpoint_lacks_is_an_error():
  build('a/weights', 'b/weights', mask='')
  with pytest.raises(errors.InputError) as error:
    checkpoint_masks.check_given('model.ckpt-7', CHECKPOINT)
  assert str(error.value).startswith(
    'model.ckpt-7 lacks 1 masks that this config builds, b/mask for one, so'
  )


def test_mask_more_than_the_checkpoint_has_is_fine():
  build('a/weights', 'b/weights', mask='')
  check()


def test_kernel_without_its_mask_is_an_error():
  build('a/weights', 'b/weights', mask='^b$')
  with pytest.raises(errors.InputError) as error:
    check()
  assert str(error.value).startswith(
    'model.ckpt-7 has 1 masks that this config does not build, a/mask for one'
  )


def test_kernel_that_the_model_does_not_have_needs_no_mask():
  build('b/weights', 'c/weights')
  check()


def test_detector_that_takes_a_pruned_classifier_needs_its_masks():
  build('FeatureExtractor/a/weights')
  with pytest.raises(errors.InputError, match='a/mask for one'):
    check()


def test_layer_of_the_same_last_name_is_told_apart():
  # As the `Conv` of an RPN, beside one in the mask head.
  build('a/weights', mask='')
  build('head/a/weights')
  check()
