"""Things that a config or a flag names, each of them a class in a list."""

import inspect
from typing import List, Optional, Sequence, Tuple, Type

from object_detection_pruning.common import errors


class Choice:
  """One of several ways to do a thing.

  A new one is a subclass and a line in the list of its kind; fields, flags and
  their messages know it from there.

  Attributes:
    form: what a config or a flag says to have it; capital letters stand for
      numbers.
    commands: those that offer it, where not all do that have the field.
  """

  form = ''
  commands: Tuple[str, ...] = ()

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
  return '; '.join(
    f'{each.form}: {inspect.getdoc(each).splitlines()[0].rstrip(".")}'
    for each in choices
  )


def find(
  field: str,
  text: str,
  choices: Sequence[Type[Choice]],
  known: Sequence[Type[Choice]] = (),
) -> Choice:
  """Gives the choice that a text stands for.

  Args:
    field: the name of the field or flag, for the message.
    text: what was given for it.
    choices: all classes of the kind that are offered here.
    known: all classes of the kind, with those that other commands offer.

  Raises:
    InputError: it stands for none that is offered here.
  """
  for choice in choices:
    found = choice.parse(text)
    if found is not None:
      return found
  elsewhere = [
    f'; {text} works in {" and ".join(choice.commands)}'
    for choice in known
    if choice.parse(text) is not None
  ]
  raise errors.InputError(
    f'{field} must be one of {", ".join(forms(choices))}, got {text!r}'
    + ''.join(elsewhere)
  )
