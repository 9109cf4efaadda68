"""Says what became of every layer of a rewritten graph."""

import collections
from typing import List, NamedTuple, Optional, Sequence


class Entry(NamedTuple):
  """One layer.

  Attributes:
    name: of its last node, in the plain graph.
    op: that it is now.
    shape: of its kernel; None where there is none.
    sparsity: share of zeros in the kernel; None where there is none.
    note: why it is no sparse or fused op; empty where it is one.
    node: that does its work now, perhaps with that of other layers; empty where
      it is the layer's own.
  """

  name: str
  op: str
  shape: Optional[Sequence[int]]
  sparsity: Optional[float]
  note: str
  node: str = ''


class RewriteReport:
  """All layers of a graph; prints as a table and a summary.

  Args:
    entries: a line each.
  """

  def __init__(self, entries: List[Entry]):
    self.entries = list(entries)

  @property
  def counts(self) -> 'collections.Counter':
    """How many there are of each op that was made."""
    made = {
      (entry.node or entry.name, entry.op)
      for entry in self.entries
      if not entry.note
    }
    return collections.Counter(op for _, op in made)

  @property
  def kept(self) -> List[Entry]:
    """The layers that are neither sparse nor fused now."""
    return [entry for entry in self.entries if entry.note]

  def summary(self) -> str:
    """One line."""
    counts = ', '.join(f'{n} {op}' for op, n in sorted(self.counts.items()))
    rounding = sum(each.op.startswith('FakeQuant') for each in self.kept)
    note = f', {rounding} of them FakeQuant of activations' if rounding else ''
    return f'rewritten: {counts or "nothing"}; kept: {len(self.kept)}{note}'

  def __str__(self) -> str:
    lines = [f'{"op":<22} {"zeros":>6} {"kernel":<18} layer']
    for entry in self.entries:
      zeros = '' if entry.sparsity is None else f'{entry.sparsity:.3f}'
      shape = 'x'.join(str(size) for size in entry.shape or ())
      note = f' ({entry.note})' if entry.note else ''
      lines.append(f'{entry.op:<22} {zeros:>6} {shape:<18} {entry.name}{note}')
    return '\n'.join(lines + [self.summary()])
