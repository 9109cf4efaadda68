import logging

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim
from object_detection.utils import variables_helper

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import masking
from object_detection_pruning.training import warm_start


@pytest.fixture
def lines(caplog):
  """Every line that is logged, whichever logger it comes from."""
  caplog.set_level(logging.INFO)
  caplog.set_level(logging.INFO, 'tensorflow')
  return lambda: [record.getMessage() for record in caplog.records]


def restore_with_stock_code(prefix):
  with warm_start.summarized():
    available = variables_helper.get_variables_available_in_checkpoint(
      tf.global_variables(), prefix
    )
    tf.train.init_from_checkpoint(
      prefix, {variable.op.name: variable for variable in available}
    )


def about_variables(lines):
  return [line for line in lines() if 'ariable' in line and 'tf.' not in line]


def test_masks_that_a_checkpoint_lacks_are_told_in_one_line(tmp_path, lines):
  weights = np.float32(np.random.RandomState(0).normal(size=[1, 1, 3, 4]))
  checkpoints.write(
    str(tmp_path / 'c'), {'a/weights': weights, 'a/biases': np.ones(4, 'f')}
  )
  with masking.masking_scope():
    slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope='a')
  restore_with_stock_code(str(tmp_path / 'c'))
  assert about_variables(lines) == [
    'Warm start: 2 variables restored, 1 masks start at one.'
  ]
  (kernel,) = masking.masked_kernels()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    np.testing.assert_array_equal(session.run(kernel.weights), weights)
    assert session.run(kernel.mask).min() == 1
    assert session.run(kernel.threshold) == 0


def test_other_variables_that_are_new_are_named(tmp_path, lines):
  checkpoints.write(str(tmp_path / 'c'), {'a/biases': np.ones(4, 'f')})
  with masking.masking_scope():
    slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope='a')
  tf.train.create_global_step()
  for index in range(4):
    tf.get_variable(f'new_{index}', [])
  restore_with_stock_code(str(tmp_path / 'c'))
  (line,) = about_variables(lines)
  assert line == (
    'Warm start: 1 variables restored, 5 that it does not have start fresh '
    '(a/weights, new_0, new_1, ...), 1 masks start at one.'
  )


def test_pruned_checkpoint_brings_its_masks_along(tmp_path, lines):
  mask = np.float32(np.arange(12).reshape(1, 1, 3, 4) % 2)
  checkpoints.write(
    str(tmp_path / 'c'),
    {
      'a/weights': np.ones([1, 1, 3, 4], 'f'),
      'a/biases': np.ones(4, 'f'),
      'a/mask': mask,
      'a/threshold': np.float32(0.25),
    },
  )
  with masking.masking_scope():
    slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope='a')
  restore_with_stock_code(str(tmp_path / 'c'))
  (kernel,) = masking.masked_kernels()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    np.testing.assert_array_equal(session.run(kernel.mask), mask)
    np.testing.assert_array_equal(session.run(kernel.masked_weight), mask)
    assert session.run(kernel.threshold) == 0.25
  assert about_variables(lines) == ['Warm start: 4 variables restored.']


def test_zeros_of_a_classifier_are_counted_by_the_names_of_the_detector(
  tmp_path,
):
  mask = np.float32(np.arange(12).reshape(1, 1, 3, 4) % 3 == 0)
  start = str(tmp_path / 'c')
  checkpoints.write(start, {'a/mask': mask})
  with masking.masking_scope(), tf.variable_scope('FeatureExtractor'):
    slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope='a')
  (kernel,) = masking.masked_kernels()
  tf.train.init_from_checkpoint(start, {'a/mask': kernel.mask})
  assert warm_start.restored_zeros(start, [kernel]) == {
    'FeatureExtractor/a/mask': 8
  }


def test_zeros_of_both_kernels_of_a_layer_are_counted(tmp_path):
  zeros = {'a/depthwise_mask': 5, 'a/mask': 7}
  with masking.masking_scope(depthwise=True):
    slim.separable_conv2d(tf.zeros([1, 4, 4, 3]), 4, 3, scope='a')
  masked = masking.masked_kernels()
  written = {}
  for kernel in masked:
    written[kernel.mask.op.name] = np.ones(kernel.shape, 'f')
    written[kernel.mask.op.name].flat[: zeros[kernel.mask.op.name]] = 0
  checkpoints.write(str(tmp_path / 'c'), written)
  # The stock code restores none of these, and rewinding takes all.
  assert warm_start.restored_zeros(str(tmp_path / 'c'), masked) == {}
  assert warm_start.restored_zeros(str(tmp_path / 'c'), masked, True) == zeros


def test_variables_of_another_shape_are_told_in_the_same_line(tmp_path, lines):
  # As class predictors are where the number of classes differs.
  checkpoints.write(
    str(tmp_path / 'c'),
    {
      'a/weights': np.ones([1, 1, 3, 9], 'f'),
      'a/mask': np.ones([1, 1, 3, 9], 'f'),
      'a/threshold': np.float32(0),
      'a/biases': np.ones(4, 'f'),
    },
  )
  with masking.masking_scope():
    slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope='a')
  restore_with_stock_code(str(tmp_path / 'c'))
  assert about_variables(lines) == [
    'Warm start: 2 variables restored, 1 of another shape start fresh '
    '(a/weights), 1 masks start at one.'
  ]


def test_start_without_a_checkpoint_has_nothing_to_tell(lines):
  with warm_start.summarized():
    slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope='a')
  assert about_variables(lines) == []


def test_filters_are_gone_afterwards_also_after_an_error(lines):
  with pytest.raises(RuntimeError), warm_start.summarized():
    raise RuntimeError
  logging.warning('Variable [x] is not available in checkpoint')
  assert 'Variable [x] is not available in checkpoint' in lines()


def three_layers(tmp_path, restored):
  """A model that restores some of the kernels that its checkpoint has."""
  prefix = str(tmp_path / 'c')
  for name in 'abc':
    slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope=name)
  checkpoints.write(
    prefix,
    {
      variable.op.name: np.zeros(variable.shape.as_list(), 'f')
      for variable in tf.global_variables()
    },
  )
  kept = [v for v in tf.global_variables() if v.op.name[0] in restored]
  if kept:
    tf.train.init_from_checkpoint(prefix, {v.op.name: v for v in kept})
  return prefix


@pytest.mark.parametrize('restored', ['', 'a'])
def test_start_without_most_of_the_kernels_is_refused(tmp_path, restored):
  prefix = three_layers(tmp_path, restored)
  with pytest.raises(errors.InputError) as error:
    warm_start.check(prefix)
  text = str(error.value)
  assert f'gives this model {len(restored)} of its 3 kernels' in text
  assert 'load_all_detection_checkpoint_vars: true' in text
  assert '--allow_partial_warm_start' in text
  warm_start.check(prefix, may_be_partial=True)


def test_start_that_leaves_kernels_out_says_how_to_take_them(tmp_path, lines):
  warm_start.check(three_layers(tmp_path, 'ab'))
  (line,) = [each for each in lines() if 'leaves out' in each]
  assert '1 kernels that the checkpoint has' in line
  assert 'load_all_detection_checkpoint_vars: true' in line
  assert 'c/weights' in line


def test_start_from_a_checkpoint_of_another_model_is_refused(tmp_path):
  checkpoints.write(str(tmp_path / 'c'), {'other': np.zeros(3, 'f')})
  slim.conv2d(tf.zeros([1, 2, 2, 3]), 4, 1, scope='a')
  with pytest.raises(errors.InputError, match='0 of its 1 kernels: check fine'):
    warm_start.check(str(tmp_path / 'c'))


def test_start_that_takes_every_kernel_has_nothing_to_add(tmp_path, lines):
  warm_start.check(three_layers(tmp_path, 'abc'))
  assert not [each for each in lines() if 'leaves out' in each]
