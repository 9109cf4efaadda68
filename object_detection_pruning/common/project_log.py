"""Log lines of this project, told apart from those of the stock code."""

import contextlib
import logging
import os
import sys
import warnings
from typing import Iterator

import tensorflow.compat.v1 as tf
from tqdm import tqdm
from tqdm.contrib import logging as tqdm_logging

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class OwnLines(logging.Handler):
  """Shows them on stderr, above a progress bar.

  Of others it shows errors alone. Where TensorFlow's log goes to a file, what a
  user should read stays visible.
  """

  def __init__(self):
    super().__init__(logging.INFO)
    self.addFilter(_is_of_use)

  def emit(self, record: logging.LogRecord) -> None:
    tqdm.write(self.format(record), file=sys.stderr)


def is_own(record: logging.LogRecord) -> bool:
  """Tells whether code of this project wrote a line."""
  return os.path.abspath(record.pathname).startswith(_PACKAGE)


def show(everything: bool) -> None:
  """Says what a command shows of the log.

  Args:
    everything: whether that of TensorFlow and of the stock code is shown too.
  """
  if everything:
    return
  tf.get_logger().handlers = [OwnLines()]
  warnings.simplefilter('ignore')


def say(text: str) -> None:
  """Writes a line on stderr, above a progress bar."""
  tqdm.write(text, file=sys.stderr)


@contextlib.contextmanager
def beside_bars(verbose: bool) -> Iterator[None]:
  """Keeps log lines from breaking progress bars, where there is a terminal."""
  with contextlib.ExitStack() as stack:
    if verbose and sys.stderr.isatty():
      stack.enter_context(tqdm_logging.logging_redirect_tqdm([tf.get_logger()]))
    yield


def _is_of_use(record: logging.LogRecord) -> bool:
  return is_own(record) or record.levelno >= logging.ERROR
