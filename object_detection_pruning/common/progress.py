"""Progress of a loop: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from typing import Iterable, Iterator, Optional, TypeVar

from tqdm import tqdm

_T = TypeVar('_T')


def over(
  items: Iterable[_T],
  what: str,
  seconds: float = 5.0,
  total: Optional[int] = None,
) -> Iterator[_T]:
  """Iterates over `items` and shows on stderr how far it is.

  Args:
    items: what to go through.
    what: names the work, for example 'train.record'.
    seconds: least time between two lines, where stderr is no terminal.
    total: number of items, for those that have no length.

  Returns:
    An iterator over the items.
  """
  if total is None:
    total = len(items)
  if sys.stderr.isatty():
    return iter(tqdm(items, desc=what, total=total))
  return _with_lines(items, what, seconds, total)


def _with_lines(
  items: Iterable[_T], what: str, seconds: float, total: int
) -> Iterator[_T]:
  started = time.monotonic()
  due = started + seconds
  for done, item in enumerate(items, 1):
    yield item
    now = time.monotonic()
    if done == total or now >= due:
      line = f'{what}: {done} of {total}'
      if done < total:
        left = (total - done) * (now - started) / done
        line += f', {left / 60:.1f} min left'
      print(line, file=sys.stderr, flush=True)
      due = time.monotonic() + seconds
