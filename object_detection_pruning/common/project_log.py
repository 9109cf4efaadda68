"""Log lines of this project, told apart from those of the stock code."""

import logging
import os
import sys

from tqdm import tqdm

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class OwnLines(logging.Handler):
  """Shows them on stderr, above a progress bar; leaves out all others.

  Where TensorFlow's log goes to a file, what a user should read stays visible.
  """

  def __init__(self):
    super().__init__(logging.INFO)
    self.addFilter(is_own)

  def emit(self, record: logging.LogRecord) -> None:
    tqdm.write(self.format(record), file=sys.stderr)


def is_own(record: logging.LogRecord) -> bool:
  """Tells whether code of this project wrote a line."""
  return os.path.abspath(record.pathname).startswith(_PACKAGE)
