"""What a model costs: weights, zeros and multiplications, layer by layer."""

import json
from typing import List, NamedTuple, Optional, Sequence, Tuple


class LayerCost(NamedTuple):
  """One kernel and how often it is applied.

  Attributes:
    name: of the layer.
    op: what it is, for example 'Conv2D'.
    shape: of the kernel.
    nonzeros: weights that are not zero.
    positions: how many of one image the kernel is applied at; None where
      that is not known.
  """

  name: str
  op: str
  shape: Sequence[int]
  nonzeros: int
  positions: Optional[int]

  @property
  def size(self) -> int:
    """Number of weights."""
    size = 1
    for side in self.shape:
      size *= side
    return size

  @property
  def sparsity(self) -> float:
    """Fraction of zeros."""
    return 1 - self.nonzeros / self.size if self.size else 0.0

  @property
  def macs(self) -> Optional[int]:
    """Multiplications with a weight for one image."""
    return None if self.positions is None else self.positions * self.size

  @property
  def nonzero_macs(self) -> Optional[int]:
    """Those of them whose weight is not zero."""
    return None if self.positions is None else self.positions * self.nonzeros


class ModelCost(NamedTuple):
  """The kernels of a model, and the rest of its parameters.

  Attributes:
    layers: in the order of the model.
    other_parameters: biases and batch-norm scales and shifts.
    other_nonzeros: how many of those are not zero.
    not_finite: name of a variable, and how many of its values are NaN or
      infinite, where there are any.
    not_counted: ops whose kernels count nowhere, since they are no constants,
      as within a loop, or of a kind of op that is not known here.
  """

  layers: List[LayerCost]
  other_parameters: int
  other_nonzeros: int
  not_finite: Sequence[Tuple[str, int]] = ()
  not_counted: Sequence[str] = ()

  @property
  def parameters(self) -> int:
    """Number of trained values."""
    return sum(layer.size for layer in self.layers) + self.other_parameters

  @property
  def nonzeros(self) -> int:
    """How many of them are not zero."""
    return sum(layer.nonzeros for layer in self.layers) + self.other_nonzeros

  @property
  def sparsity(self) -> float:
    """Fraction of zeros over all kernels."""
    size = sum(layer.size for layer in self.layers)
    zeros = size - sum(layer.nonzeros for layer in self.layers)
    return zeros / size if size else 0.0

  @property
  def macs(self) -> Optional[int]:
    """Multiplications for one image; None where a layer's are not known."""
    return _sum([layer.macs for layer in self.layers])

  @property
  def nonzero_macs(self) -> Optional[int]:
    """Those of them whose weight is not zero."""
    return _sum([layer.nonzero_macs for layer in self.layers])

  @property
  def gap(self) -> str:
    """Says which kernels do not count; empty where all do."""
    if not self.not_counted:
      return ''
    return 'kernels that are not counted: ' + ', '.join(self.not_counted)

  def as_dict(self) -> dict:
    """Gives everything in plain types, for JSON."""
    return {
      'parameters': self.parameters,
      'nonzeros': self.nonzeros,
      'sparsity_of_all_kernels': self.sparsity,
      'macs': self.macs,
      'macs_on_nonzeros': self.nonzero_macs,
      'not_finite': dict(self.not_finite),
      'not_counted': list(self.not_counted),
      'layers': [
        {
          'name': layer.name,
          'op': layer.op,
          'shape': list(layer.shape),
          'parameters': layer.size,
          'nonzeros': layer.nonzeros,
          'sparsity': layer.sparsity,
          'macs': layer.macs,
          'macs_on_nonzeros': layer.nonzero_macs,
        }
        for layer in self.layers
      ],
    }

  def as_json(self) -> str:
    """Gives `as_dict` as text."""
    return json.dumps(self.as_dict(), indent=2)

  def as_table(self) -> str:
    """Gives a line for each layer, and the sums."""
    lines = [_HEADINGS]
    for layer in self.layers:
      lines.append(
        (
          layer.name,
          layer.op,
          'x'.join(str(side) for side in layer.shape),
          _number(layer.size),
          _number(layer.nonzeros),
          f'{layer.sparsity:.3f}',
          _number(layer.macs),
          _number(layer.nonzero_macs),
        )
      )
    lines.append(
      ('biases, batch norm', '', '')
      + (_number(self.other_parameters), _number(self.other_nonzeros))
      + ('', '', '')
    )
    lines.append(
      ('all', '', '', _number(self.parameters), _number(self.nonzeros))
      + (f'{self.sparsity:.3f}', _number(self.macs))
      + (_number(self.nonzero_macs),)
    )
    widths = [
      max(len(line[i]) for line in lines) for i in range(len(_HEADINGS))
    ]
    table = [
      '  '.join(
        cell.ljust(width) if column < _TEXT_COLUMNS else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(line, widths))
      ).rstrip()
      for line in lines
    ]
    return '\n'.join(
      table
      + [
        f'warning: {name} has {number} values that are NaN or infinite'
        for name, number in self.not_finite
      ]
      + ([f'warning: {self.gap}'] if self.gap else [])
    )


_HEADINGS = (
  'layer',
  'op',
  'kernel',
  'parameters',
  'nonzeros',
  'sparsity',
  'MACs',
  'MACs on nonzeros',
)
_TEXT_COLUMNS = 2


def _sum(numbers: Sequence[Optional[int]]) -> Optional[int]:
  return None if None in numbers else sum(numbers)


def _number(value: Optional[int]) -> str:
  return '-' if value is None else f'{value:,}'
