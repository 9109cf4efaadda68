"""What each of the two stacks must have."""

import pytest
from google.protobuf.internal import api_implementation

from object_detection_pruning.common import stacks


@pytest.mark.parametrize(
  'version, stack',
  [
    ('1.14.0', stacks.CLASSIC),
    ('1.15.5', stacks.CLASSIC),
    ('2.15.1', stacks.MODERN),
    ('10.0', stacks.MODERN),
  ],
)
def test_stack_follows_the_major_version(version, stack):
  assert stacks.of_version(version) == stack


def test_messages_are_compiled():
  """In pure Python every graph is written and read slowly."""
  assert api_implementation.Type() != 'python'
