"""Which photos refinement learns from at each step, and which it never sees."""

from typing import List, Tuple

import numpy as np

# One photo of so many tells whether refinement helps.
_HELD_OUT = 7
_SEED = 1


class PhotoBatches:
  """Photos by number.

  Attributes:
    held_out: those that no step learns from.
  """

  def __init__(self, count: int, size: int, views: int = 1):
    """Divides photos.

    Args:
      count: how many there are.
      size: how many a step learns from.
      views: how many in turn show the same, so that they stay together.
    """
    everything = range(count)
    self.held_out = [n for n in everything if n // views % _HELD_OUT == 0]
    # A single photo is both.
    self._seen = [n for n in everything if n not in self.held_out] or [
      *everything
    ]
    self._size = size

  def chosen(self, step: int) -> List[Tuple[int, List[int]]]:
    """Gives the photos of a step, each with a seed to augment it by."""
    rng = np.random.RandomState([_SEED, step])
    return [
      (n, [_SEED, step, number])
      for number, n in enumerate(rng.choice(self._seen, size=self._size))
    ]
