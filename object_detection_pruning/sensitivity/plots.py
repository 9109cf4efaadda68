"""Pictures of an analysis: curves, a heat map, and what a bound leaves."""

import os
from typing import Dict, List, NamedTuple, Sequence

import matplotlib
import numpy as np

matplotlib.use('Agg')
from matplotlib import pyplot, ticker  # noqa: E402

from object_detection_pruning.common import atomic_files  # noqa: E402
from object_detection_pruning.sensitivity import (  # noqa: E402
  prunables,
  results,
  selection,
  trade_off_plot,
)

FORMATS = ('png', 'svg')
_LINE, _CHOSEN, _QUIET = trade_off_plot.LINE, trade_off_plot.CHOSEN, '#808080'
_WORST = 1.0
_PANEL_INCHES = (2.1, 1.65)
_NAME_LENGTH = 32


class Picture(NamedTuple):
  """A figure and the name of its files."""

  name: str
  title: str
  figure: pyplot.Figure

  @property
  def file_names(self) -> List[str]:
    """One for each of the formats."""
    return [f'{self.name}.{ending}' for ending in FORMATS]

  def save(self, folder: str) -> None:
    """Writes it in each of the formats, and frees it."""
    for ending, name in zip(FORMATS, self.file_names):
      path = os.path.join(folder, name)
      with atomic_files.writing(path) as (temporary,):
        self.figure.savefig(temporary, dpi=110, format=ending)
    pyplot.close(self.figure)


def draw(
  found: results.Results, choice: selection.Choice, target: selection.Target
) -> List[Picture]:
  """Draws all pictures.

  Args:
    found: what was measured.
    choice: what is marked in them.
    target: what it was chosen for.
  """
  return [
    Picture(
      'curves', 'Loss of each layer', curves_figure(found, choice, target)
    ),
    Picture('heat_map', 'Heat map', heat_map(found, choice)),
    Picture(
      'trade_off',
      'What a bound leaves',
      trade_off_plot.draw(found, choice, target),
    ),
  ]


def curves_figure(
  found: results.Results, choice: selection.Choice, target: selection.Target
) -> pyplot.Figure:
  """Draws the loss of each layer against its ratio, a panel for each."""
  by_layer = found.curves()
  columns = min(6, max(3, int(np.ceil(np.sqrt(len(by_layer) * 0.8)))))
  rows = -(-len(by_layer) // columns)
  figure, panels = pyplot.subplots(
    rows,
    columns,
    figsize=(
      _PANEL_INCHES[0] * columns + 0.4,
      _PANEL_INCHES[1] * rows + 1.0,
    ),
    sharex=True,
    sharey=True,
    squeeze=False,
    constrained_layout=True,
  )
  names = short_names(list(by_layer))
  sizes = {layer.name: layer.size for layer in found.layers}
  for panel, (name, curve) in zip(panels.flat, by_layer.items()):
    _draw_curve(panel, curve, choice.removed.get(name, 0) / sizes[name], target)
    title = f'{_in_two(names[name])}\n{sizes[name]:,} {unit(found)}'
    panel.set_title(title, fontsize=6.5)
  for panel in list(panels.flat)[len(by_layer) :]:
    panel.set_axis_off()
  first = panels[0, 0]
  first.set(xlim=(0, 1), ylim=(-0.12, 1.05))
  for axis in (first.xaxis, first.yaxis):
    axis.set_major_locator(ticker.MultipleLocator(0.5))
    axis.set_major_formatter(ticker.PercentFormatter(1))
  for panel in panels.flat:
    panel.tick_params(labelsize=7)
  for column in range(columns):
    bottom = (len(by_layer) - 1 - column) // columns
    panels[bottom, column].tick_params(labelbottom=True)
  figure.suptitle(
    f'{found.setup.metric} lost as one layer alone is pruned\n'
    f'(diamond: chosen{_bound_text(target)})',
    fontsize=11,
  )
  _label(
    figure,
    f'share of {unit(found)} that goes',
    f'loss, share of {_base(found)}',
  )
  return figure


def _draw_curve(
  panel: pyplot.Axes,
  curve: results.Curve,
  ratio: float,
  target: selection.Target,
) -> None:
  """Draws one layer's loss, the bound on it, and the ratio that was chosen."""
  if target.metric_loss is not None:
    panel.axhline(target.metric_loss, color=_CHOSEN, lw=0.7, ls='--')
  panel.axhline(0, color=_QUIET, lw=0.6)
  losses = np.clip(curve.losses, -0.2, _WORST)
  panel.plot(curve.ratios, losses, '-o', color=_LINE, ms=2.5, lw=1.2)
  panel.plot(
    [ratio],
    [min(curve.loss(ratio), _WORST)],
    'D',
    color=_CHOSEN,
    ms=5,
    clip_on=False,
    zorder=5,
  )
  panel.grid(alpha=0.25, lw=0.5)


def heat_map(found: results.Results, choice: selection.Choice) -> pyplot.Figure:
  """Draws a row for each layer and a column for each ratio."""
  by_layer = found.curves()
  names = short_names(list(by_layer))
  ratios = sorted({r for layer in found.measured for r in layer.points})
  values = np.full((len(by_layer), len(ratios)), np.nan)
  for row, layer in enumerate(found.measured):
    for ratio, loss in found.losses(layer).items():
      values[row, ratios.index(ratio)] = loss
  figure, axes = pyplot.subplots(
    figsize=(5.2 + 0.5 * len(ratios), 1.7 + 0.23 * len(by_layer)),
    constrained_layout=True,
  )
  image = axes.imshow(
    np.clip(values, 0, _WORST),
    cmap='Blues',
    vmin=0,
    vmax=_WORST,
    aspect='auto',
  )
  for (row, column), value in np.ndenumerate(values):
    if not np.isnan(value):
      axes.text(
        column,
        row,
        _percent(value),
        ha='center',
        va='center',
        fontsize=7,
        color='white' if value > 0.55 else 'black',
      )
  sizes = {layer.name: layer.size for layer in found.layers}
  for row, name in enumerate(by_layer):
    ratio = choice.removed.get(name, 0) / sizes[name]
    left = np.interp(ratio, [0] + ratios, np.arange(-1, len(ratios)))
    # Under the number, not on it.
    axes.plot([max(left, -0.5)], [row + 0.36], '^', color=_CHOSEN, ms=5)
  axes.set_xlim(-0.62, len(ratios) - 0.5)
  axes.set_xticks(range(len(ratios)))
  axes.set_xticklabels([f'{ratio:.0%}' for ratio in ratios], fontsize=8)
  axes.set_yticks(range(len(by_layer)))
  axes.set_yticklabels([names[name] for name in by_layer], fontsize=7)
  axes.set_xlabel(f'share of {unit(found)} that goes\n(triangle: chosen)')
  axes.set_title(
    f'{found.setup.metric} lost,\n% of {_base(found)}', fontsize=11
  )
  figure.colorbar(
    image, ax=axes, fraction=0.04, format=ticker.PercentFormatter(1)
  )
  return figure


def short_names(names: Sequence[str]) -> Dict[str, str]:
  """Gives the names without the scopes that all of them begin with."""
  cut = os.path.commonprefix(list(names)).rfind('/') + 1
  return {name: name[cut:] for name in names}


def unit(found: results.Results) -> str:
  """Gives the word for what goes."""
  is_filter = found.setup.granularity == prunables.FILTER
  return 'channels' if is_filter else 'weights'


def _percent(value: float) -> str:
  # A cell has room for three digits; a loss of training may be far above.
  return '>999' if value > 9.99 else str(int(round(float(value) * 100)))


def _in_two(name: str) -> str:
  if len(name) <= _NAME_LENGTH:
    return name
  # Between scopes where both halves fit, within a name where they would not.
  for letters, longest in (('/', _NAME_LENGTH), ('_/', len(name))):
    breaks = [n + 1 for n, letter in enumerate(name) if letter in letters]
    if not breaks:
      continue
    middle = min(breaks, key=lambda index: abs(index - len(name) / 2))
    if max(middle, len(name) - middle) <= longest:
      return f'{name[:middle]}\n{name[middle:]}'
  return name


def _base(found: results.Results) -> str:
  metric = found.setup.metric
  return f'{metric} {found.baseline[metric]:.3f}'


def _bound_text(target: selection.Target) -> str:
  if target.metric_loss is not None:
    return f' for eval_metric_loss {target.metric_loss:g}, dashed'
  return f' for {target.share:.0%} of the {target.measure}'


def _label(figure, below: str, beside: str) -> None:
  if hasattr(figure, 'supxlabel'):
    figure.supxlabel(below, fontsize=9)
    figure.supylabel(beside, fontsize=9)
