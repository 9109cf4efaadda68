"""Progress of a loop: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from typing import Iterator, Sequence, TypeVar

from tqdm import tqdm

_T = TypeVar('_T')


def over(items: Sequence[_T], what: str, seconds: float = 5.0) -> Iterator[_T]:
  """Iterates over `items` and shows on stderr how far it is.

  Args:
    items: what to go through.
    what: names the work, for example 'train.record'.
    seconds: least time between two lines, where stderr is no terminal.

  Returns:
    An iterator over the items.
  """
  if sys.stderr.isatty():
    return iter(tqdm(items, desc=what))
  return _with_lines(items, what, seconds)


def _with_lines(items: Sequence[_T], what: str, seconds: float) -> Iterator[_T]:
  due = time.monotonic() + seconds
  for done, item in enumerate(items, 1):
    yield item
    if done == len(items) or time.monotonic() >= due:
      print(f'{what}: {done} of {len(items)}', file=sys.stderr, flush=True)
      due = time.monotonic() + seconds
