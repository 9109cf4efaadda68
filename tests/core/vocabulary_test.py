"""One list of values for each field, whichever command it is given to."""

import pytest

from object_detection_pruning.core import allocation as trained_allocation
from object_detection_pruning.core import choices, vocabulary
from object_detection_pruning.core import granularity as trained_granularity
from object_detection_pruning.reconstruction import allocation, granularity
from object_detection_pruning.sensitivity import prunables

OFFERED = {
  vocabulary.PATTERNS: {
    vocabulary.TRAINING: choices.forms(trained_granularity.GRANULARITIES),
    vocabulary.UNTRAINED: choices.forms(granularity.GRANULARITIES),
    vocabulary.ANALYSIS: prunables.GRANULARITIES,
  },
  vocabulary.DIVISIONS: {
    vocabulary.TRAINING: choices.forms(trained_allocation.ALLOCATIONS),
    vocabulary.UNTRAINED: choices.forms(allocation.ALLOCATIONS),
  },
}


@pytest.mark.parametrize('known', OFFERED)
def test_says_of_each_value_which_commands_offer_it(known):
  for choice in known:
    offering = [
      command
      for command, offered in OFFERED[known].items()
      if choice.form in offered
    ]
    assert list(choice.commands) == offering, choice.form


@pytest.mark.parametrize('known', OFFERED)
def test_no_command_has_a_value_of_its_own_making(known):
  for command, offered in OFFERED[known].items():
    assert set(offered) <= set(choices.forms(known)), command


@pytest.mark.parametrize(
  ('field', 'text'),
  [('granularity', form) for form in ('weight', '2:4', '4x1')]
  + [('allocation', 'uniform')],
)
def test_both_ways_of_pruning_read_a_value_alike(field, text):
  rooms = {
    'granularity': (trained_granularity, granularity),
    'allocation': (trained_allocation, allocation),
  }
  ours, theirs = (room.find(text) for room in rooms[field])
  assert str(ours) == str(theirs) == text
  assert vars(ours) == vars(theirs)
