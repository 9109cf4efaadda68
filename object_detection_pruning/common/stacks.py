"""The two stacks that the library runs on, and what only one of them has."""

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

CLASSIC = 'classic'
MODERN = 'modern'


def of_version(version: str) -> str:
  """Gives the stack that a version of TensorFlow belongs to."""
  return CLASSIC if version.split('.')[0] == '1' else MODERN


def current() -> str:
  """Gives the stack of the TensorFlow that runs."""
  return of_version(tf.__version__)


def require_classic(what: str) -> None:
  """Checks that this is the classic stack.

  Args:
    what: the thing that needs it, as a line can begin with it.

  Raises:
    InputError: it is another one.
  """
  if current() != CLASSIC:
    raise errors.InputError(needs_classic(what))


def needs_classic(what: str) -> str:
  """Says that something needs the classic stack, and how to get that."""
  return (
    f'{what} needs TensorFlow 1.14 or 1.15, which have tf.contrib, and this is '
    f'{tf.__version__}: set up the other stack with '
    '"STACK=classic bash scripts/setup.sh"'
  )


def needs_modern(what: str) -> str:
  """Says that something needs the modern stack, and how to get that."""
  return (
    f'{what} needs TensorFlow 2.15, and this is {tf.__version__}: set up the '
    'other stack with "STACK=modern bash scripts/setup.sh"; it reads the same '
    'files'
  )
