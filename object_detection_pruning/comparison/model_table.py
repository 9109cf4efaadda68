"""One table of size, speed and accuracy, a row for each model."""

import csv
import io
import json
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

from object_detection_pruning.common import timing
from object_detection_pruning.comparison import file_size
from object_detection_pruning.evaluation import accuracy
from object_detection_pruning.inspection.model_cost import ModelCost

_MILLION = 1e6


class ModelRow(NamedTuple):
  """What was measured of one model.

  Attributes:
    name: of the model.
    kind: of its file.
    accuracy: on the evaluation record.
    cost: weights and multiplications; None where the kind does not tell.
    masked_sparsity: fraction of zeros over the kernels that had a mask; None
      where that is not known.
    size: of its file.
    one_thread: latency with one thread.
    all_cores: latency with as many threads as TensorFlow takes.
  """

  name: str
  kind: str
  accuracy: accuracy.Accuracy
  cost: Optional[ModelCost]
  masked_sparsity: Optional[float]
  size: file_size.FileSize
  one_thread: timing.Latency
  all_cores: timing.Latency


class Column(NamedTuple):
  """One figure of a model.

  Attributes:
    heading: with the unit.
    value: gives the figure of a row, beside the first row; None for unknown.
    pattern: how it is written.
    is_main: whether it is one of the few that a page has room for.
  """

  heading: str
  value: Callable[[ModelRow, ModelRow], Any]
  pattern: str = '{}'
  is_main: bool = True

  def text(self, row: ModelRow, first: ModelRow) -> str:
    """Writes the figure for people."""
    value = self.value(row, first)
    return '-' if value is None else self.pattern.format(value)


def _of_cost(name: str, scale: float = 1) -> Callable:
  def value(row: ModelRow, _) -> Optional[float]:
    figure = row.cost and getattr(row.cost, name)
    return None if figure is None else figure / scale

  return value


def _ratio(name: str) -> Callable:
  return lambda row, first: (
    getattr(first, name).median / getattr(row, name).median
  )


_MASK_COLUMNS = (
  Column('mask mAP', lambda row, _: row.accuracy.mask_ap, '{:.3f}'),
  Column(
    'mask AP50', lambda row, _: row.accuracy.mask_ap50, '{:.3f}', is_main=False
  ),
)
_COLUMNS = (
  Column('model', lambda row, _: row.name),
  Column('kind', lambda row, _: row.kind, is_main=False),
  Column('mAP', lambda row, _: row.accuracy.ap, '{:.3f}'),
  Column('AP50', lambda row, _: row.accuracy.ap50, '{:.3f}'),
  *_MASK_COLUMNS,
  Column(
    'sparsity, masked',
    lambda row, _: row.masked_sparsity,
    '{:.3f}',
    is_main=False,
  ),
  Column('sparsity, all', _of_cost('sparsity'), '{:.3f}'),
  Column('parameters', _of_cost('parameters'), '{:,.0f}', is_main=False),
  Column('nonzeros', _of_cost('nonzeros'), '{:,.0f}'),
  Column('MMACs', _of_cost('macs', _MILLION), '{:,.1f}', is_main=False),
  Column(
    'on nonzeros', _of_cost('nonzero_macs', _MILLION), '{:,.1f}', is_main=False
  ),
  Column('MB', lambda row, _: row.size.raw / _MILLION, '{:.2f}', is_main=False),
  Column('gzip MB', lambda row, _: row.size.gzipped / _MILLION, '{:.2f}'),
  Column('1 thread, ms', lambda row, _: row.one_thread.median, '{:.1f}'),
  Column('p90', lambda row, _: row.one_thread.p90, '{:.1f}', is_main=False),
  Column('speed-up', _ratio('one_thread'), '{:.2f}x'),
  Column('all cores, ms', lambda row, _: row.all_cores.median, '{:.1f}'),
  Column('p90', lambda row, _: row.all_cores.p90, '{:.1f}', is_main=False),
  Column('speed-up', _ratio('all_cores'), '{:.2f}x'),
)


class ModelTable:
  """Rows of models; ratios are to the first one."""

  def __init__(self, rows: Sequence[ModelRow]):
    self.rows = list(rows)

  @property
  def columns(self) -> List[Column]:
    """The figures that at least one model has, from left to right."""
    return [
      column
      for column in _COLUMNS
      if any(column.value(row, self.rows[0]) is not None for row in self.rows)
    ]

  def main_columns(self) -> List[Column]:
    """Those of the columns that a reader looks at first."""
    return [column for column in self.columns if column.is_main]

  def headings(self) -> List[str]:
    """Gives the heading of each column."""
    return [column.heading for column in self.columns]

  def cells(
    self, columns: Optional[Sequence[Column]] = None
  ) -> List[List[str]]:
    """Gives the text of each cell, row by row.

    Args:
      columns: which ones; all that there are if not given.
    """
    return [
      [column.text(row, self.rows[0]) for column in columns or self.columns]
      for row in self.rows
    ]

  def by_figure(self) -> List[List[str]]:
    """Gives a line for each figure: its name, and its value in each model."""
    names = _unique(self.headings())
    lines = zip(names, zip(*self.cells()))
    return [[name, *values] for name, values in lines][1:]

  def remarks(self) -> List[str]:
    """Says of each model whose parameters and MACs lack some what they lack."""
    return [
      f'{row.name}: {row.cost.gap}'
      for row in self.rows
      if row.cost and row.cost.gap
    ]

  def markdown(self) -> str:
    """Gives the table in Markdown, columns aligned for a terminal too.

    Remarks follow the table, a paragraph each.
    """
    lines = [
      [cell.replace('|', r'\|') for cell in line]
      for line in [self.headings()] + self.cells()
    ]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ['-' * width for width in widths])
    table = '\n'.join(
      '| '
      + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths))
      + ' |'
      for line in lines
    )
    return '\n\n'.join([table, *self.remarks()])

  def csv(self) -> str:
    """Gives the table as CSV, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(_unique(self.headings()))
    for row in self.rows:
      writer.writerow(
        ['' if v is None else v for v in self._values(row, self.columns)]
      )
    return text.getvalue()

  def as_json(self) -> str:
    """Gives everything that was measured, as JSON."""
    return json.dumps([_as_dict(row) for row in self.rows], indent=2)

  def _values(self, row: ModelRow, columns: Sequence[Column]) -> List[Any]:
    return [column.value(row, self.rows[0]) for column in columns]


def _as_dict(row: ModelRow) -> dict:
  return {
    'model': row.name,
    'kind': row.kind,
    'accuracy': row.accuracy._asdict(),
    'sparsity_of_masked_kernels': row.masked_sparsity,
    'cost': row.cost and row.cost.as_dict(),
    'bytes': row.size._asdict(),
    'milliseconds': {
      'one_thread': row.one_thread._asdict(),
      'all_cores': row.all_cores._asdict(),
    },
  }


def _unique(headings: Sequence[str]) -> List[str]:
  """Adds what a short heading refers to, which its neighbours tell a reader."""
  names = []
  group = ''
  for heading in headings:
    if heading.endswith(', ms'):
      group = heading[: -len(', ms')]
    names.append(
      f'{heading}, {group}' if heading in ('p90', 'speed-up') else heading
    )
  return names
