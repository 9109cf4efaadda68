"""The picture that a choice is made from: what a bound on the loss leaves."""

from typing import Dict, List, Sequence, Tuple

import matplotlib
import numpy as np

matplotlib.use('Agg')
from matplotlib import pyplot, ticker  # noqa: E402

from object_detection_pruning.common import errors  # noqa: E402
from object_detection_pruning.sensitivity import (  # noqa: E402
  results,
  selection,
)

LINE, CHOSEN, _SECOND = '#1f5a99', '#d95f02', '#4d9221'
_BOUNDS = 121


def draw(
  found: results.Results, choice: selection.Choice, target: selection.Target
) -> pyplot.Figure:
  """Draws what is left for each bound, and what the losses sum up to."""
  chooser = selection.Chooser(found, target.bounds)
  highest = max(0.3, 1.5 * (target.metric_loss or 0))
  bounds = np.linspace(0, highest, _BOUNDS)
  choices = [chooser.by_loss(bound) for bound in bounds]
  shares = {
    measure: [_share(each, measure) for each in choices]
    for measure in ('params', 'macs')
  }
  figure, (left, right) = pyplot.subplots(
    1, 2, figsize=(11, 4.4), constrained_layout=True
  )
  _draw_bounds(left, bounds, shares, choice, target)
  left.set(
    title='What one bound for all layers leaves',
    xlabel=f'eval_metric_loss, share of {found.setup.metric}',
    ylabel='left of the dense model',
    ylim=(0, 1.03),
    xlim=(0, highest),
  )
  left.legend(loc='upper right', frameon=False)
  right.plot(
    shares['macs'],
    [each.summed_loss for each in choices],
    color=_SECOND,
    label='one bound for all layers',
  )
  _draw_cheapest(right, chooser, min(shares['macs']), choice, target)
  right.set(
    title='The same MACs, chosen in two ways',
    xlabel='MACs left of the dense model',
    ylabel=f'losses of all layers in sum, shares of {found.setup.metric}',
  )
  right.invert_xaxis()
  right.legend(loc='upper left', frameon=False)
  for axes in (left, right):
    axes.grid(alpha=0.3)
  for axis in (left.xaxis, left.yaxis, right.xaxis, right.yaxis):
    axis.set_major_formatter(ticker.PercentFormatter(1))
  return figure


def _draw_bounds(
  axes: pyplot.Axes,
  bounds: Sequence[float],
  shares: Dict[str, List[float]],
  choice: selection.Choice,
  target: selection.Target,
) -> None:
  """Draws what is left for each bound, and marks what was chosen."""
  for measure, label, color in (
    ('params', 'parameters', LINE),
    ('macs', 'MACs', _SECOND),
  ):
    axes.plot(bounds, shares[measure], color=color, label=label)
    share = _share(choice, measure)
    if target.metric_loss is None:
      # No one bound gives what was chosen, so it is on no curve.
      chosen = f'chosen: {share:.1%} of the {label}'
      axes.axhline(share, color=color, lw=1, ls='--', label=chosen)
      continue
    axes.plot([target.metric_loss], [share], 'D', color=CHOSEN)
    axes.annotate(
      f'{share:.1%}',
      (target.metric_loss, share),
      (6, 6),
      textcoords='offset points',
      fontsize=9,
    )
  if target.metric_loss is not None:
    axes.axvline(target.metric_loss, color=CHOSEN, lw=0.8, ls='--')


def _draw_cheapest(
  axes: pyplot.Axes,
  chooser: selection.Chooser,
  least_macs: float,
  choice: selection.Choice,
  target: selection.Target,
) -> None:
  """Draws the least summed loss for each share of MACs, and what was chosen."""
  cheapest = _cheapest(chooser, np.linspace(0.97, least_macs, 9))
  chosen = (_share(choice, 'macs'), choice.summed_loss)
  if target.measure == 'macs':
    # The curve goes through what was chosen in the same way.
    cheapest = sorted(cheapest + [chosen], reverse=True)
  # Where few layers were measured, no choice of them saves as much.
  if cheapest:
    label = 'least summed loss'
    axes.plot(*zip(*cheapest), '-o', ms=3, color=LINE, label=label)
  axes.plot(*([value] for value in chosen), 'D', color=CHOSEN, label='chosen')


def _share(choice: selection.Choice, measure: str) -> float:
  return getattr(choice.cost, measure) / getattr(choice.dense_cost, measure)


def _cheapest(
  chooser: selection.Chooser, shares: Sequence[float]
) -> List[Tuple[float, float]]:
  points = []
  for share in shares:
    try:
      found = chooser.by_cost('macs', float(share))
    except errors.InputError:
      break
    points.append((_share(found, 'macs'), found.summed_loss))
  return points
