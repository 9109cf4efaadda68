"""Files beside an output, in which workers keep what they have measured."""

import glob
import os
import re
from typing import List


def path(output: str, number: int, count: int) -> str:
  """Gives the file of a worker.

  Args:
    output: file of the whole analysis.
    number: of the worker, from 1.
    count: of all workers.
  """
  return f'{output}.part-{number}-of-{count}'


def find(output: str) -> List[str]:
  """Lists the files that are there, of any number of workers."""
  name = re.compile(re.escape(output) + r'\.part-\d+-of-\d+')
  return sorted(filter(name.fullmatch, glob.glob(glob.escape(output) + '.*')))


def remove(output: str) -> None:
  """Removes these files."""
  for part in find(output):
    os.remove(part)
