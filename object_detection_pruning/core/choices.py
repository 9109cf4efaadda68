"""Things that a config or a flag names, each of them a class in a list."""

from typing import Dict, List, Optional, Sequence, Type

from object_detection_pruning.common import errors


class Choice:
  """One of several ways to do a thing.

  A new one is a subclass and a line in the list of its kind; fields, flags and
  their messages know it from there.

  Attributes:
    form: what a config or a flag says to have it; capital letters stand for
      numbers.
  """

  form = ''

  @classmethod
  def parse(cls, text: str) -> Optional['Choice']:
    """Makes the choice that a text stands for; None if it means another."""
    return cls() if text == cls.form else None

  def __str__(self) -> str:
    return self.form

  def __eq__(self, other) -> bool:
    return type(self) is type(other) and vars(self) == vars(other)

  def __hash__(self) -> int:
    return hash(str(self))

  def __repr__(self) -> str:
    return f'{type(self).__name__}({self})'


def forms(choices: Sequence[Type[Choice]]) -> List[str]:
  """Lists what can be said."""
  return [choice.form for choice in choices]


def help_text(choices: Sequence[Type[Choice]]) -> str:
  """Lists what can be said, each with the first line of its docstring."""
  meanings: Dict[str, str] = {
    choice.form: (choice.__doc__ or '').strip().splitlines()[0].rstrip('.')
    for choice in choices
  }
  return '; '.join(f'{form}: {line}' for form, line in meanings.items())


def find(field: str, text: str, choices: Sequence[Type[Choice]]) -> Choice:
  """Gives the choice that a text stands for.

  Args:
    field: the name of the field or flag, for the message.
    text: what was given for it.
    choices: all classes of the kind.

  Raises:
    InputError: it stands for none of them.
  """
  for choice in choices:
    found = choice.parse(text)
    if found is not None:
      return found
  raise errors.InputError(
    f'{field} must be one of {", ".join(forms(choices))}, got {text!r}'
  )
