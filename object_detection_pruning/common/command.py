"""How every command starts, and how it fails: one line, non-zero exit."""

import contextlib
import os
import select
import sys
from typing import Callable, List

import tensorflow.compat.v1 as tf
from absl import app, flags

from object_detection_pruning.common import (
  command_line,
  errors,
  faults,
  locks,
  project_log,
  stopping,
)

# A defect keeps its traceback, and with it Python's own status, 1.
BAD_INPUT = 2
# What a shell gives a program that SIGPIPE has ended.
UNREAD = 141

# What is done to a model folder depends on the role in a cluster, so the
# command that has one claims it.
_WRITTEN = {'output_dir': locks.hold_folder, 'output_path': locks.hold_file}


def run(main: Callable[[List[str]], None], goes_on: bool = False) -> None:
  """Runs a command; bad input ends in one line on stderr and exit status 2.

  Wrong flags are bad input too. The library reports bad input as
  `errors.InputError`; what a disk, a folder or a network does to it is in
  `faults`. Anything else is a defect of the program: it keeps its traceback,
  and the status is 1. Ctrl-C ends in one line and status 130, SIGTERM in 143,
  and output that nobody reads any more in 141, without a line.

  Args:
    main: the command, called with the arguments that are no flags.
    goes_on: whether the same command goes on where it was stopped.
  """

  def guarded(argv: List[str]) -> None:
    project_log.show(flags.FLAGS.verbose)
    try:
      _claim()
      main(argv)
      sys.stdout.flush()
    except errors.InputError as error:
      _fail(faults.first_line(error))
    except KeyboardInterrupt as stop:
      _stop(stop, goes_on)
    except Exception as error:
      fault = faults.describe(error)
      if fault is None:
        raise
      _fail(fault)
    finally:
      locks.release()

  tf.logging.set_verbosity(tf.logging.INFO)
  # absl's root handler would print each of TensorFlow's lines a second time.
  tf.get_logger().propagate = False
  stopping.listen()
  try:
    app.run(guarded, flags_parser=_parse)
  except KeyboardInterrupt as stop:
    _stop(stop, goes_on)
  except BrokenPipeError as error:
    _end_unread(error)


def _claim() -> None:
  """Keeps other commands from writing what this one writes."""
  settings = flags.FLAGS.flag_values_dict()
  if settings.get('dry_run'):
    return
  for name, hold in _WRITTEN.items():
    # Where nothing can be written, the command itself says why.
    with contextlib.suppress(OSError):
      hold(f'--{name}', settings.get(name))


def _parse(argv: List[str]) -> List[str]:
  text = command_line.help_asked_for(argv)
  if text is not None:
    print(text, flush=True)
    sys.exit(0)
  try:
    return command_line.parse(argv)
  except errors.InputError as error:
    return _fail(str(error))


def _fail(message: str) -> None:
  print(f'error: {message.splitlines()[0]}', file=sys.stderr)
  sys.exit(BAD_INPUT)


def _end_unread(error: BrokenPipeError) -> None:
  """Ends the command if nobody reads what it prints, as before `| head`."""
  if not _is_unread(sys.stdout.fileno()):
    # Another pipe is broken, to a process of this command.
    raise error
  # What is left to print must not fail once more at exit.
  os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  sys.exit(UNREAD)


def _is_unread(descriptor: int) -> bool:
  """Tells whether what is written to a pipe has no reader any more."""
  poll = select.poll()
  poll.register(descriptor, 0)
  return any(events & select.POLLERR for _, events in poll.poll(0))


def _stop(stop: KeyboardInterrupt, goes_on: bool) -> None:
  if not isinstance(stop, stopping.Stopped):
    stop = stopping.Stopped(stopping.CTRL_C)
  then = (
    'the same command goes on' if goes_on else 'nothing half-written is left'
  )
  # A progress bar leaves the cursor in its line.
  lead = '\n' if sys.stderr.isatty() else ''
  print(f'{lead}{stop}; {then}', file=sys.stderr)
  sys.exit(stop.status)
