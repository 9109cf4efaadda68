import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.export import stripping

MASK = np.float32([[0, 1], [1, 0]])
TENSORS = {
  'a/weights': np.float32([[1, 2], [-3, -4]]),
  'a/weights/ExponentialMovingAverage': np.float32([[5, 6], [7, 8]]),
  'a/weights/Momentum': np.float32([[9, 9], [9, 9]]),
  'a/biases': np.float32([1, 2]),
  'a/mask': MASK,
  'a/threshold': np.float32(0.5),
  'sep/pointwise_weights': np.float32([[1, 2], [3, 4]]),
  'sep/mask': 1 - MASK,
  'sep/threshold': np.float32(0.5),
  'sep/depthwise_weights': np.float32([[1, 2], [3, 4]]),
  'sep/depthwise_mask': MASK,
  'sep/depthwise_threshold': np.float32(0.5),
  'head/weights': np.float32([[1, 2], [3, 4]]),
  'attention/mask': np.float32([[0, 1]]),
  'global_step': np.int64(7),
}


def test_folds_masks_and_drops_what_is_of_pruning():
  stripped = stripping.strip(TENSORS)
  assert stripped.pruned == [
    'a/weights',
    'sep/depthwise_weights',
    'sep/pointwise_weights',
  ]
  expected = {
    'a/weights': [[0, 2], [-3, 0]],
    'a/weights/ExponentialMovingAverage': [[0, 6], [7, 0]],
    'sep/pointwise_weights': [[1, 0], [0, 4]],
    'sep/depthwise_weights': [[0, 2], [3, 0]],
  }
  untouched = (
    'a/weights/Momentum',
    'a/biases',
    'head/weights',
    'attention/mask',
    'global_step',
  )
  for name in untouched:
    expected[name] = TENSORS[name]
  assert set(stripped.tensors) == set(expected)
  for name, array in expected.items():
    np.testing.assert_array_equal(stripped.tensors[name], array)
    assert stripped.tensors[name].dtype == TENSORS[name].dtype


def test_masked_values_become_plain_zeros():
  stripped = stripping.strip(
    {
      'a/weights': np.float32([[-1, np.inf], [np.nan, 1]]),
      'a/mask': np.float32([[0, 0], [0, 1]]),
    }
  )
  weights = stripped.tensors['a/weights']
  assert weights.tolist() == [[0, 0], [0, 1]]
  assert not np.signbit(weights).any()


def test_input_is_left_alone():
  before = {name: array.copy() for name, array in TENSORS.items()}
  stripping.strip(TENSORS)
  for name, array in before.items():
    np.testing.assert_array_equal(TENSORS[name], array)


def test_checkpoint_without_masks_stays_as_it_is():
  plain = {'a/weights': TENSORS['a/weights'], 'a/biases': TENSORS['a/biases']}
  stripped = stripping.strip(plain)
  assert stripped.pruned == []
  assert stripped.tensors == plain


@pytest.mark.parametrize('value', [0.5, -1, np.nan])
def test_mask_that_is_none_is_an_error(value):
  with pytest.raises(errors.InputError, match='a/mask must hold zeros and on'):
    stripping.strip(
      {'a/weights': np.ones([1, 2]), 'a/mask': np.float32([[1, value]])}
    )


def test_mask_of_another_shape_is_an_error():
  for shape in ([5, 7], [1, 1]):
    with pytest.raises(errors.InputError) as error:
      stripping.strip(
        {'a/weights': np.ones([1, 2]), 'a/mask': np.ones(shape, np.float32)}
      )
    assert str(error.value) == (
      f'a/mask has the shape {shape}, and a/weights has [1, 2]'
    )
