import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  granularity,
  pruning_method,
  schedules,
)


def test_texts_stand_for_objects():
  method = pruning_method.PruningMethod('magnitude', '2:4', 'uniform')
  assert method == pruning_method.PruningMethod(
    granularity=granularity.NOfM(2, 4), allocation=allocation.Uniform()
  )
  assert method != pruning_method.PruningMethod()


def test_schedule_gets_the_exact_target_of_the_pattern():
  method = pruning_method.PruningMethod(granularity='1:3')
  schedule = method.fit(schedules.PolynomialSchedule(0.667, 1, 5))
  assert schedule.target_sparsity == 1 - 1 / 3
  plain = schedules.PolynomialSchedule(0.667, 1, 5)
  assert pruning_method.PruningMethod().fit(plain) is plain


@pytest.mark.parametrize(
  'arguments, words',
  [
    (
      {'granularity': '2:4'},
      'target_sparsity must be 0.5 with granularity 2:4',
    ),
    (
      {
        'granularity': '1:5',
        'layer_sparsities': [allocation.LayerSparsity('a', 0.5)],
      },
      "layer_sparsity of 'a' must be 0.8 with granularity 1:5, got 0.5",
    ),
    (
      {'granularity': '1:5', 'allocation': 'global'},
      'granularity must be weight, got 1:5',
    ),
    (
      {'criterion': 'size'},
      'criterion must be one of magnitude, random, taylor, movement, got '
      "'size'",
    ),
  ],
)
def test_what_cannot_be_is_an_error(arguments, words):
  with pytest.raises(errors.InputError) as error:
    pruning_method.PruningMethod(**arguments).fit(
      schedules.PolynomialSchedule(0.8, 1, 5)
    )
  assert words in str(error.value)


def test_regrowth_keeps_the_sparsity_of_every_layer():
  method = pruning_method.PruningMethod(
    allocation='erdos_renyi_kernel', regrowth='set'
  )
  given = schedules.PolynomialSchedule(0.6, 2, 12, initial_sparsity=0.6)
  fitted = method.fit(given)
  assert fitted.with_target(0.9).sparsity(2) == 0.9
  assert (fitted.start_step, fitted.end_step) == (2, 12)
  assert fitted.frequency == given.frequency
