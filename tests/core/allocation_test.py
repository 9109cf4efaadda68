import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.core import allocation, schedules

LAYERS = ['net/a', 'net/b', 'net/b_2', 'head']
SCHEDULE = schedules.PolynomialSchedule(0.8, 2, 10)


def targets(*entries):
  given = [allocation.LayerSparsity(*entry) for entry in entries]
  allocated = allocation.allocate(SCHEDULE, LAYERS, given)
  return [schedule.target_sparsity for schedule in allocated]


def test_all_layers_share_the_schedule():
  assert allocation.allocate(SCHEDULE, LAYERS) == [SCHEDULE] * 4


def test_layer_target_holds_for_every_layer_that_it_is_found_in():
  assert targets(('b', 0.5), ('head', 0.0)) == [0.8, 0.5, 0.5, 0.0]


def test_first_of_several_patterns_counts():
  assert targets(('b_2', 0.9), ('b', 0.5)) == [0.8, 0.5, 0.9, 0.8]
  assert targets(('b', 0.5), ('b_2', 0.9)) == [0.8, 0.5, 0.5, 0.8]


def test_pattern_of_no_masked_layer_is_an_error():
  with pytest.raises(errors.InputError) as error:
    targets(('rpn', 0.5))
  assert "layer_sparsity 'rpn' is found in no masked layer" in str(error.value)
  assert 'net/b_2' in str(error.value)


@pytest.mark.parametrize(
  'entry, message',
  [
    (('(', 0.5), 'layer_sparsity.layer must be regular expressions'),
    (('a', 1.0), "layer_sparsity of 'a' must be in [0, 1), got 1.0"),
  ],
)
def test_broken_entry_is_named(entry, message):
  with pytest.raises(errors.InputError) as error:
    allocation.check([allocation.LayerSparsity(*entry)])
  assert message in str(error.value)
