"""Bar charts of the models' figures, and mAP over latency and size."""

import io
from typing import Callable, List, NamedTuple, Optional, Sequence

import matplotlib

matplotlib.use('Agg')
from matplotlib import figure as figures  # noqa: E402
from matplotlib.backends import backend_agg  # noqa: E402

from object_detection_pruning.comparison.model_table import ModelRow  # noqa: E402

_MILLION = 1e6
# Neighbours differ in lightness too, for those who see fewer hues.
_COLORS = (
  '#2f6db3',
  '#e8862d',
  '#2f8a57',
  '#c2447c',
  '#8573c9',
  '#9a8a1c',
  '#37b0c0',
  '#b0351f',
  '#7bb342',
  '#5b3a8e',
  '#e3a8bb',
  '#6b5444',
)
# As many as share no divisor with the colours, so that both repeat late.
_MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')
_LONGEST_NAME = 30
_INK = '#333333'
_GRID = '#dddddd'
_LARGEST_AREA = 700.0


class Bars(NamedTuple):
  """What a bar chart shows.

  Attributes:
    title: what is shown, with the unit.
    value: of a model; None for unknown.
    pattern: how a number is written.
    better: which end is better, 'less' or 'more'.
  """

  title: str
  value: Callable[[ModelRow], Optional[float]]
  pattern: str
  better: str


BARS = (
  Bars('mAP', lambda row: row.accuracy.ap, '{:.3f}', 'more'),
  Bars('AP50', lambda row: row.accuracy.ap50, '{:.3f}', 'more'),
  Bars('Size after gzip, MB', lambda r: r.size.gzipped / 1e6, '{:.2f}', 'less'),
  Bars(
    'Multiplications on nonzeros, millions',
    lambda r: r.cost and r.cost.nonzero_macs and r.cost.nonzero_macs / _MILLION,
    '{:,.0f}',
    'less',
  ),
  Bars(
    'One thread, ms for an image',
    lambda row: row.one_thread.median,
    '{:.1f}',
    'less',
  ),
  Bars(
    'All cores, ms for an image',
    lambda row: row.all_cores.median,
    '{:.1f}',
    'less',
  ),
)


def color_of(number: int) -> str:
  """The colour of a model in every chart, by its row in the table."""
  return _COLORS[number % len(_COLORS)]


def marker_of(number: int) -> str:
  """The shape of a model in the scatter plot, by its row in the table."""
  return _MARKERS[number % len(_MARKERS)]


def short(name: str) -> str:
  """A name that leaves room for the chart: the end of a long one."""
  if len(name) <= _LONGEST_NAME:
    return name
  return '\N{HORIZONTAL ELLIPSIS}' + name[-_LONGEST_NAME + 1 :]


def _label(text: str) -> str:
  """Has matplotlib show a text as it is.

  It takes what stands between dollars for a formula, and lists no label that
  begins with an underscore.
  """
  text = text.replace('$', r'\$')
  return ' ' + text if text.startswith('_') else text


def bars(chart: Bars, rows: Sequence[ModelRow]) -> str:
  """Draws a bar for each model, the first on top, and writes its figure.

  Returns:
    SVG text.
  """
  values = [chart.value(row) for row in rows]
  figure, axes = _axes(4.6, 0.75 + 0.34 * len(rows))
  heights = range(len(rows))
  axes.barh(
    heights,
    [value or 0 for value in values],
    color=[color_of(number) for number in heights],
    height=0.66,
  )
  largest = max([value or 0 for value in values] + [1e-9])
  for height, value in zip(heights, values):
    text = 'not known' if value is None else chart.pattern.format(value)
    axes.text(
      (value or 0) + 0.02 * largest, height, text, va='center', color=_INK
    )
  axes.set_xlim(0, largest * 1.2)
  axes.set_yticks(list(heights))
  axes.set_yticklabels([_label(short(row.name)) for row in rows])
  axes.invert_yaxis()
  axes.tick_params(axis='y', length=0)
  axes.xaxis.set_visible(False)
  axes.spines['bottom'].set_visible(False)
  axes.set_title(
    f'{chart.title} ({chart.better} is better)', loc='left', fontsize=10
  )
  return _svg(figure)


def scatter(rows: Sequence[ModelRow]) -> str:
  """Draws mAP over latency; the area of a mark is the size after gzip.

  Returns:
    SVG text.
  """
  # Beside the plot a legend hides no mark.
  labels = [
    f'{short(row.name)}, {row.size.gzipped / _MILLION:.2f} MB' for row in rows
  ]
  columns = 2 if max(map(len, labels)) <= _LONGEST_NAME else 1
  lines = -(-len(rows) // columns)
  below = 0.6 + 0.22 * lines
  figure, axes = _axes(5.6, 3.4 + below)
  largest = max(row.size.gzipped for row in rows)
  slowest = max(row.one_thread.median for row in rows)
  best = max([row.accuracy.ap for row in rows] + [0.01])
  for number, row in enumerate(rows):
    axes.scatter(
      [row.one_thread.median],
      [row.accuracy.ap],
      s=max(30, _LARGEST_AREA * row.size.gzipped / largest),
      color=color_of(number),
      marker=marker_of(number),
      alpha=0.75,
      edgecolor='white',
      linewidth=0.8,
      # Small ones lie on top, or large ones would hide them.
      zorder=2 + 1 - row.size.gzipped / largest,
      label=_label(labels[number]),
    )
  axes.set_xlim(0, slowest * 1.15)
  axes.set_ylim(0, min(1.0, best * 1.25) if best < 0.8 else 1.02)
  axes.set_xlabel('latency with one thread, ms for an image')
  axes.set_ylabel('mAP')
  axes.grid(color=_GRID, linewidth=0.6)
  axes.set_axisbelow(True)
  axes.set_title(
    'Up and to the left is better; the area is the size after gzip',
    loc='left',
    fontsize=10,
  )
  legend = figure.legend(
    *axes.get_legend_handles_labels(),
    loc='lower center',
    ncol=columns,
    frameon=False,
    fontsize=9,
  )
  for handle in legend.legendHandles:
    handle.set_sizes([60])
  figure.subplots_adjust(
    bottom=below / (3.4 + below), top=1 - 0.35 / (3.4 + below), right=0.97
  )
  return _svg(figure, tight=False)


def draw(rows: Sequence[ModelRow]) -> List[str]:
  """Draws the bar charts that at least one model has a figure for."""
  return [
    bars(chart, rows)
    for chart in BARS
    if any(chart.value(row) is not None for row in rows)
  ]


def _axes(width: float, height: float):
  figure = figures.Figure(figsize=(width, height))
  backend_agg.FigureCanvasAgg(figure)
  axes = figure.add_subplot(1, 1, 1)
  for side in ('top', 'right', 'left'):
    axes.spines[side].set_visible(False)
  return figure, axes


def _svg(figure, tight: bool = True) -> str:
  text = io.StringIO()
  figure.savefig(
    text,
    format='svg',
    bbox_inches='tight' if tight else None,
    metadata={'Date': None},
  )
  # What stands before the root element does not belong inside a page.
  content = text.getvalue()
  return content[content.index('<svg') :]
