"""One table of size, speed and accuracy, a row for each model."""

import json
import os
from typing import Any, List, NamedTuple, Sequence

from object_detection_pruning.comparison import accuracy, file_size, latency
from object_detection_pruning.export import sparsity_report

_MEGABYTE = 1e6


class ModelRow(NamedTuple):
  """What was measured of one model."""

  name: str
  accuracy: accuracy.Accuracy
  sparsity: sparsity_report.SparsityReport
  size: file_size.FileSize
  latency: latency.Latency


class ComparisonTable:
  """Rows of models; ratios are to the first one."""

  def __init__(self, rows: Sequence[ModelRow]):
    self.rows = list(rows)

  def headings(self) -> List[str]:
    """Gives the heading of each column, with its unit."""
    headings = ['model', 'mAP', 'AP50']
    if self._has_masks():
      headings += ['mask mAP', 'mask AP50']
    return headings + [
      'sparsity, masked kernels',
      'sparsity, all kernels',
      'parameters',
      'nonzeros',
      'frozen graph MB',
      'gzip MB',
      'TF ms, median',
      'speed-up',
    ]

  def cells(self) -> List[List[str]]:
    """Gives the text of each cell, row by row."""
    return [self._cells_of(row) for row in self.rows]

  def markdown(self) -> str:
    """Gives the table in Markdown, columns aligned for a terminal too."""
    lines = [self.headings()] + self.cells()
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ['-' * width for width in widths])
    return '\n'.join(
      '| '
      + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths))
      + ' |'
      for line in lines
    )

  def as_dict(self) -> List[dict]:
    """Gives the rows in plain types, for JSON."""
    return [
      {
        'model': row.name,
        'accuracy': row.accuracy._asdict(),
        'sparsity': row.sparsity.as_dict(),
        'bytes': row.size._asdict(),
        'milliseconds': row.latency._asdict(),
      }
      for row in self.rows
    ]

  def write(self, folder: str) -> None:
    """Writes `comparison.md` and `comparison.json`."""
    with open(os.path.join(folder, 'comparison.md'), 'w') as file:
      file.write(self.markdown() + '\n')
    with open(os.path.join(folder, 'comparison.json'), 'w') as file:
      json.dump(self.as_dict(), file, indent=2)
      file.write('\n')

  def _has_masks(self) -> bool:
    return any(row.accuracy.mask_ap is not None for row in self.rows)

  def _cells_of(self, row: ModelRow) -> List[str]:
    first = self.rows[0]
    cells: List[Any] = [
      row.name,
      f'{row.accuracy.ap:.3f}',
      f'{row.accuracy.ap50:.3f}',
    ]
    if self._has_masks():
      cells += [
        '-' if value is None else f'{value:.3f}'
        for value in (row.accuracy.mask_ap, row.accuracy.mask_ap50)
      ]
    return cells + [
      f'{row.sparsity.masked_sparsity:.3f}',
      f'{row.sparsity.total_sparsity:.3f}',
      f'{row.sparsity.parameters:,}',
      f'{row.sparsity.nonzeros:,}',
      f'{row.size.raw / _MEGABYTE:.2f}',
      f'{row.size.gzipped / _MEGABYTE:.2f}',
      f'{row.latency.median:.1f}',
      f'{first.latency.median / row.latency.median:.2f}x',
    ]
