"""A plot of loss and sparsity over a training run, from its event files."""

import glob
import os
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

import matplotlib
import tensorflow.compat.v1 as tf

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

from object_detection_pruning.common import atomic_files  # noqa: E402
from object_detection_pruning.core import summaries  # noqa: E402
from object_detection_pruning.training import distillation  # noqa: E402

_REACH = 4
_LOSS = 'Loss/total_loss'
_LOSS_NAMES = (_LOSS, 'loss', 'loss_1')


class Run(NamedTuple):
  """A training run to show.

  Attributes:
    name: in the legend.
    model_dir: its folder.
    color: of its lines; that of its model in other charts.
    begins_at: steps that the model it started from had been trained for.
  """

  name: str
  model_dir: str
  color: str
  begins_at: int = 0


def read_scalars(model_dir: str) -> Dict[str, List[Tuple[int, float]]]:
  """Reads the training scalars of a model folder: (step, value) by tag."""
  scalars: Dict[str, Dict[int, float]] = {}
  for path in sorted(glob.glob(os.path.join(model_dir, 'events.out.*'))):
    values = [
      (value.tag, event.step, value.simple_value)
      for event in _events(path)
      for value in event.summary.value
      if value.HasField('simple_value')
    ]
    # A run that is started again goes on from its last checkpoint: steps that
    # an earlier process did after it count no more.
    begin = min([step for _, step, _ in values], default=float('inf'))
    for tag, points in scalars.items():
      scalars[tag] = {s: v for s, v in points.items() if s < begin}
    for tag, step, value in values:
      scalars.setdefault(tag, {})[step] = value
  return {tag: sorted(points.items()) for tag, points in scalars.items()}


def _events(path: str) -> Iterator[tf.Event]:
  try:
    yield from tf.train.summary_iterator(path)
  except tf.errors.DataLossError:
    # A killed run leaves its last record half-written.
    tf.logging.info('%s ends in a record that was cut short', path)


def detector_loss(
  scalars: Dict[str, List[Tuple[int, float]]],
) -> List[Tuple[int, float]]:
  """Gives the loss without what a teacher adds to it, as (step, loss).

  A model with a teacher can so be seen beside one that has none.

  Args:
    scalars: of a run, from `read_scalars`.
  """
  tag = next((tag for tag in _LOSS_NAMES if tag in scalars), None)
  if tag is None:
    return []
  taught: Dict[int, float] = {}
  for name, points in scalars.items():
    if name.startswith(distillation.PREFIX):
      for step, value in points:
        taught[step] = taught.get(step, 0.0) + value
  return [(step, loss - taught.get(step, 0.0)) for step, loss in scalars[tag]]


def smoothed(points: List[Tuple[int, float]]) -> List[Tuple[int, float]]:
  """Averages each value with as many before it as after it, so nothing lags."""
  result = []
  for index, (step, _) in enumerate(points):
    reach = min(_REACH, index, len(points) - 1 - index)
    near = points[index - reach : index + reach + 1]
    result.append((step, sum(value for _, value in near) / len(near)))
  return result


def _shifted(
  points: List[Tuple[int, float]], steps: int
) -> List[Tuple[int, float]]:
  return [(step + steps, value) for step, value in points]


def plot(runs: Sequence[Run], path: str) -> None:
  """Plots the loss of each run and the sparsity of those that are pruned.

  Args:
    runs: what to show, in the order of the legend.
    path: PNG file to write.
  """
  figure, (top, bottom) = pyplot.subplots(
    2,
    1,
    figsize=(9, 6.5),
    sharex=True,
    constrained_layout=True,
    gridspec_kw={'height_ratios': [3, 2]},
  )
  for run in runs:
    scalars = read_scalars(run.model_dir)
    steps = _shifted(detector_loss(scalars), run.begins_at)
    if steps:
      top.plot(*zip(*steps), color=run.color, alpha=0.25, lw=0.8)
      top.plot(*zip(*smoothed(steps)), color=run.color, label=run.name)
    for tag, style, what in (
      (summaries.SCHEDULED_SPARSITY, '--', 'scheduled'),
      (summaries.MASKED_SPARSITY, '-', 'masked kernels'),
      (summaries.TOTAL_SPARSITY, ':', 'all kernels'),
    ):
      if tag in scalars:
        points = _shifted(scalars[tag], run.begins_at)
        label = f'{run.name}, {what}'
        bottom.plot(*zip(*points), style, color=run.color, label=label)
  top.set(ylabel='training loss', title='Training (loss: smoothed and raw)')
  top.set_ylim(bottom=0)
  bottom.set(xlabel='step', ylabel='sparsity (share of zeros)')
  bottom.set_ylim(-0.03, 1.03)
  for axes in (top, bottom):
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
      # Beside the plot it hides no line.
      axes.legend(loc='center left', bbox_to_anchor=(1, 0.5), frameon=False)
  with atomic_files.writing(path) as (temporary,):
    figure.savefig(temporary, dpi=110, format='png')
  pyplot.close(figure)
