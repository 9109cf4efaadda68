"""How many blocks of a kernel become zero, those at its edges included.

Blocks at an edge are cut off, so there are up to four sizes of them. Those of
each size lose the same share, as nearly as whole blocks can. Thereby a number
of zeros alone tells how many blocks of each size go, whatever they score.
"""

from typing import List, NamedTuple, Optional, Sequence

import numpy as np


class Span(NamedTuple):
  """Inputs or outputs that blocks of one side divide without a rest.

  Attributes:
    start: the first one.
    stop: the one after the last.
    side: how many a block has.
  """

  start: int
  stop: int
  side: int

  @property
  def count(self) -> int:
    """Number of blocks."""
    return (self.stop - self.start) // self.side


class Part(NamedTuple):
  """Blocks of one size, those of all positions together.

  Attributes:
    inputs: that they lie in.
    outputs: that they lie in.
    number: of the blocks.
  """

  inputs: Span
  outputs: Span
  number: int

  @property
  def size(self) -> int:
    """Weights of a block."""
    return self.inputs.side * self.outputs.side


def parts(shape: Sequence[int], inputs: int, outputs: int) -> List[Part]:
  """Divides a kernel into blocks.

  Args:
    shape: of the kernel, [..., inputs, outputs].
    inputs: of a block.
    outputs: of a block.
  """
  positions = int(np.prod(shape[:-2], dtype=np.int64))
  return [
    Part(rows, columns, positions * rows.count * columns.count)
    for rows in _spans(shape[-2], inputs)
    for columns in _spans(shape[-1], outputs)
  ]


def numbers(zeros, divided: Sequence[Part]) -> list:
  """Tells how many blocks of each part go.

  Args:
    zeros: how many weights are to; a 64-bit integer, array or tensor.
    divided: the parts of a kernel.

  Returns:
    For each part what `zeros` is. They have that many weights if `zeros` is one
    that the functions below give.
  """
  size = _size(divided)
  others = [
    (2 * zeros * part.number + size) // (2 * size) for part in divided[1:]
  ]
  rest = zeros - sum(
    number * part.size for number, part in zip(others, divided[1:])
  )
  return [rest // divided[0].size] + others


def nearest(zeros: int, divided: Sequence[Part]) -> int:
  """Gives the number of zeros nearest to one that whole blocks can have.

  One block stays at least.
  """
  reach = sum(part.size for part in divided)
  while True:
    found = _possible(zeros - reach, zeros + reach, divided)
    if found.size:
      return int(found[np.argmin(np.abs(found - zeros))])
    reach *= 2


def least_from(zeros: int, divided: Sequence[Part]) -> Optional[int]:
  """Gives the least such number from one on; None if there is none."""
  found = _possible(zeros, _size(divided), divided)
  return int(found[0]) if found.size else None


def _possible(low: int, high: int, divided: Sequence[Part]) -> np.ndarray:
  """Gives all numbers of zeros in a range that whole blocks can have."""
  zeros = np.arange(max(low, 0), min(high, _size(divided) - 1) + 1)
  found = numbers(zeros, divided)
  used = sum(number * part.size for number, part in zip(found, divided))
  return zeros[
    (used == zeros) & (found[0] >= 0) & (found[0] <= divided[0].number)
  ]


def _size(divided: Sequence[Part]) -> int:
  return sum(part.number * part.size for part in divided)


def _spans(length: int, side: int) -> List[Span]:
  whole = length // side * side
  spans = [Span(0, whole, side), Span(whole, length, length - whole)]
  return [span for span in spans if span.stop > span.start]
