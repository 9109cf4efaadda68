import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.core import choices


class One(choices.Choice):
  """The one. It has more to say."""

  form = 'one'


class Times(choices.Choice):
  """Some of them."""

  form = 'N times'

  def __init__(self, number):
    self.number = number

  @classmethod
  def parse(cls, text):
    number, _, rest = text.partition(' ')
    return cls(int(number)) if rest == 'times' else None

  def __str__(self):
    return f'{self.number} times'


ALL = (One, Times)


def test_text_stands_for_its_choice():
  assert choices.find('field', 'one', ALL) == One()
  found = choices.find('field', '3 times', ALL)
  assert (found.number, str(found)) == (3, '3 times')


def test_choices_are_the_same_if_kind_and_values_are():
  assert len({One(), One(), Times(2), Times(2), Times(3)}) == 3
  assert Times(2) != Times(3)
  assert One() != 'one'


@pytest.mark.parametrize('text', ['', 'One', 'one ', 'two'])
def test_other_text_is_an_error_that_lists_the_choices(text):
  with pytest.raises(errors.InputError) as error:
    choices.find('field', text, ALL)
  assert str(error.value) == f'field must be one of one, N times, got {text!r}'


class Far(choices.Choice):
  """Far away."""

  form = 'far'
  commands = ('this', 'that')


def test_what_other_commands_offer_is_refused_with_their_names():
  with pytest.raises(errors.InputError) as error:
    choices.find('field', 'far', ALL, ALL + (Far,))
  assert str(error.value) == (
    "field must be one of one, N times, got 'far'; far works in this and that"
  )


def test_help_says_what_each_one_is():
  assert choices.help_text(ALL) == (
    'one: The one. It has more to say; N times: Some of them'
  )


def test_a_subclass_that_says_nothing_of_its_own_has_the_same_help():
  class Again(One):
    pass

  assert choices.help_text((Again,)) == 'one: The one. It has more to say'
