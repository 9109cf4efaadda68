"""How every command starts, and how it fails: one line, non-zero exit."""

import sys
from typing import Callable, List

import tensorflow.compat.v1 as tf
from absl import app

from object_detection_pruning.common import command_line, errors

# A defect keeps its traceback, and with it Python's own status, 1.
BAD_INPUT = 2
INTERRUPTED = 130


def run(main: Callable[[List[str]], None]) -> None:
  """Runs a command; bad input ends in one line on stderr and exit status 2.

  Wrong flags are bad input too. The library reports bad input as
  `errors.InputError`; a file that cannot be used is an `OSError` or one of
  TensorFlow's `NotFoundError` and `DataLossError`. Anything else is a defect of
  the program: it keeps its traceback, and the status is 1.

  Args:
    main: the command, called with the arguments that are no flags.
  """

  def guarded(argv: List[str]) -> None:
    try:
      main(argv)
    except (
      errors.InputError,
      OSError,
      tf.errors.NotFoundError,
      tf.errors.DataLossError,
    ) as error:
      _fail(str(error).strip() or type(error).__name__)
    except KeyboardInterrupt:
      print('interrupted', file=sys.stderr)
      sys.exit(INTERRUPTED)

  tf.logging.set_verbosity(tf.logging.INFO)
  # absl's root handler would print each of TensorFlow's lines a second time.
  tf.get_logger().propagate = False
  app.run(guarded, flags_parser=_parse)


def _parse(argv: List[str]) -> List[str]:
  text = command_line.help_asked_for(argv)
  if text is not None:
    print(text)
    sys.exit(0)
  try:
    return command_line.parse(argv)
  except errors.InputError as error:
    return _fail(str(error))


def _fail(message: str) -> None:
  print(f'error: {message.splitlines()[0]}', file=sys.stderr)
  sys.exit(BAD_INPUT)
