"""How every command starts, and how it fails: one line, non-zero exit."""

import sys
from typing import Callable, List

import tensorflow.compat.v1 as tf
from absl import app

from object_detection_pruning.common import errors


def run(main: Callable[[List[str]], None]) -> None:
  """Runs a command; bad input ends in one line on stderr and exit status 1.

  The library reports bad input as `errors.InputError`; a file that cannot be
  used is an `OSError` or one of TensorFlow's `NotFoundError` and
  `DataLossError`. Anything else is a defect of the program and keeps its
  traceback.

  Args:
    main: the command, called with the arguments that are no flags.
  """

  def guarded(argv: List[str]) -> None:
    try:
      if len(argv) > 1:
        raise errors.InputError(f'unexpected argument: {argv[1]}')
      main(argv)
    except (
      errors.InputError,
      OSError,
      tf.errors.NotFoundError,
      tf.errors.DataLossError,
    ) as error:
      first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
      print(f'error: {first_line}', file=sys.stderr)
      sys.exit(1)

  tf.logging.set_verbosity(tf.logging.INFO)
  # absl's root handler would print each of TensorFlow's lines a second time.
  tf.get_logger().propagate = False
  app.run(guarded)
