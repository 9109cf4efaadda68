import numpy as np
import pytest

from object_detection_pruning.common import errors, finite

BROKEN = np.float32([1, np.nan, -np.inf, np.inf])


def test_counts_nan_and_inf_of_variables_of_any_float_type():
  found = finite.count(
    {
      'a/weights': BROKEN.reshape(2, 2),
      'a/biases': np.float16([np.nan]),
      'b': np.float64(np.inf),
      'fine': np.float32([1, 2]),
      'step': np.int64(3),
      'text': np.array([b'nan'], object),
    }
  )
  assert found == {'a/weights': 3, 'a/biases': 1, 'b': 1}


def test_what_an_optimizer_keeps_is_no_part_of_the_model():
  assert not finite.count({'a': np.float32(1), 'a/Momentum': BROKEN})


def test_names_the_first_and_how_many_more():
  assert finite.describe({'a': 3}) == 'a (3)'
  assert finite.describe(dict.fromkeys('abcde', 1)) == (
    'a (1), b (1), c (1) and 2 more'
  )


def test_model_that_is_broken_is_an_error():
  finite.check('model.ckpt-3', {'a': np.float32([1])})
  with pytest.raises(errors.InputError) as error:
    finite.check('model.ckpt-3', {'a/weights': BROKEN})
  assert str(error.value).startswith(
    'model.ckpt-3 has values that are NaN or infinite, in a/weights (3): '
  )
