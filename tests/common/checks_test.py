import math

import numpy as np
import pytest

from object_detection_pruning.common import checks, errors

NO_NUMBERS = [None, 'a', True, math.nan, math.inf, -math.inf]


@pytest.mark.parametrize(
  'check, value, expected',
  [
    (checks.sparsity, 0, 0.0),
    (checks.sparsity, 0.999, 0.999),
    (checks.step, 0, 0),
    (checks.step, 7.0, 7),
    (checks.seed, 0, 0),
    (checks.count, 1, 1),
    (checks.count, 2**31 - 1, 2**31 - 1),
    (checks.positive, 1e-9, 1e-9),
  ],
)
def test_gives_back_what_is_in_bounds(check, value, expected):
  assert check('it', value) == expected
  assert type(check('it', value)) is type(expected)


@pytest.mark.parametrize(
  'check, value',
  [
    (check, value)
    for check in (checks.sparsity, checks.step, checks.count, checks.positive)
    for value in NO_NUMBERS
  ]
  + [(checks.sparsity, value) for value in (-0.1, 1, 1.5)]
  + [(checks.step, value) for value in (-1, 1.5, 2**31, 10**20)]
  + [(checks.seed, value) for value in (-1, 0.5, 2**31)]
  + [(checks.count, value) for value in (0, 2.5, 2**31, 10**20)]
  + [(checks.positive, value) for value in (0, -1)],
)
def test_names_the_value_that_is_out_of_bounds(check, value):
  with pytest.raises(errors.InputError, match='^--it must be ') as error:
    check('--it', value)
  assert str(error.value).endswith(f', got {value}')


@pytest.mark.parametrize('check', [checks.step, checks.count])
def test_takes_numpy_integers(check):
  assert check('it', np.int64(5)) == 5


def test_takes_numpy_floats():
  assert checks.sparsity('it', np.float32(0.5)) == 0.5
