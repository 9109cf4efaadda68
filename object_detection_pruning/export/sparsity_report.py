"""How sparse each kernel of a model is, as a table and as JSON."""

import json
from typing import Dict, NamedTuple, Sequence

import numpy as np

from object_detection_pruning.common import atomic_files, errors
from object_detection_pruning.core import kernels


class KernelSparsity(NamedTuple):
  """Size and zeros of a kernel; `masked` tells whether it had a mask."""

  name: str
  shape: Sequence[int]
  size: int
  zeros: int
  masked: bool

  @property
  def sparsity(self) -> float:
    """Fraction of zeros."""
    return self.zeros / self.size


class SparsityReport:
  """The kernels of one model.

  Attributes:
    rows: a `KernelSparsity` for each kernel, by name.
    parameters: number of trainable values, biases and batch norm included.
    nonzeros: how many of them are not zero.
  """

  def __init__(
    self, rows: Sequence[KernelSparsity], parameters: int, nonzeros: int
  ):
    self.rows = list(rows)
    self.parameters = parameters
    self.nonzeros = nonzeros

  @classmethod
  def of(
    cls, tensors: Dict[str, np.ndarray], pruned: Sequence[str]
  ) -> 'SparsityReport':
    """Counts zeros.

    Args:
      tensors: variables of a model by name, without optimizer slots.
      pruned: names of the kernels that have or had a mask.
    """
    rows = [
      KernelSparsity(
        name,
        array.shape,
        array.size,
        int(array.size - np.count_nonzero(array)),
        name in pruned,
      )
      for name, array in sorted(tensors.items())
      if kernels.kind_of(name, array.ndim) is not None
    ]
    trainable = [
      array
      for name, array in tensors.items()
      if name.rpartition('/')[2] not in _NOT_TRAINED
    ]
    return cls(
      rows,
      int(sum(array.size for array in trainable)),
      int(sum(np.count_nonzero(array) for array in trainable)),
    )

  @property
  def masked_sparsity(self) -> float:
    """Fraction of zeros over the kernels that had a mask; 0 if none had."""
    return _sparsity([row for row in self.rows if row.masked])

  @property
  def total_sparsity(self) -> float:
    """Fraction of zeros over all kernels."""
    return _sparsity(self.rows)

  def as_dict(self) -> dict:
    """Gives everything in plain types, for JSON."""
    return {
      'parameters': self.parameters,
      'nonzeros': self.nonzeros,
      'sparsity_of_masked_kernels': self.masked_sparsity,
      'sparsity_of_all_kernels': self.total_sparsity,
      'kernels': [
        {
          'name': row.name,
          'shape': list(row.shape),
          'size': row.size,
          'zeros': row.zeros,
          'sparsity': row.sparsity,
          'masked': row.masked,
        }
        for row in self.rows
      ],
    }

  def write_json(self, path: str) -> None:
    """Writes `as_dict` to a file."""
    atomic_files.write(path, json.dumps(self.as_dict(), indent=2) + '\n')

  def __str__(self) -> str:
    width = max([len(row.name) for row in self.rows] + [len('all kernels')])
    lines = [
      f'{"kernel":{width}}  {"shape":>16}  {"weights":>10}  {"zeros":>10}  '
      'sparsity'
    ]
    for row in self.rows:
      shape = 'x'.join(str(size) for size in row.shape)
      lines.append(
        f'{row.name:{width}}  {shape:>16}  {row.size:>10,}  {row.zeros:>10,}  '
        f'{row.sparsity:8.4f}' + ('' if row.masked else '  (no mask)')
      )
    for title, rows in (
      ('masked kernels', [row for row in self.rows if row.masked]),
      ('all kernels', self.rows),
    ):
      size = sum(row.size for row in rows)
      zeros = sum(row.zeros for row in rows)
      lines.append(
        f'{title:{width}}  {"":>16}  {size:>10,}  {zeros:>10,}  '
        f'{_sparsity(rows):8.4f}'
      )
    return '\n'.join(lines)


def load(path: str) -> SparsityReport:
  """Reads a report that `SparsityReport.write_json` wrote.

  Raises:
    InputError: it is none.
  """
  try:
    with open(path) as file:
      content = json.load(file)
    rows = [
      KernelSparsity(
        row['name'], row['shape'], row['size'], row['zeros'], row['masked']
      )
      for row in content['kernels']
    ]
    return SparsityReport(rows, content['parameters'], content['nonzeros'])
  except (ValueError, KeyError, TypeError) as error:
    raise errors.InputError(
      f'{path} is no report of the exporter, or is damaged: '
      f'{type(error).__name__}: {error}'
    )


_NOT_TRAINED = ('moving_mean', 'moving_variance', 'global_step')


def _sparsity(rows: Sequence[KernelSparsity]) -> float:
  size = sum(row.size for row in rows)
  return sum(row.zeros for row in rows) / size if size else 0.0
