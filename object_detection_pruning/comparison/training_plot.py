"""A plot of loss and sparsity over a training run, from its event files."""

import glob
import os
from typing import Dict, Iterator, List, Tuple

import matplotlib
import tensorflow.compat.v1 as tf

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

from object_detection_pruning.common import atomic_files  # noqa: E402
from object_detection_pruning.core import summaries  # noqa: E402
from object_detection_pruning.training import distillation  # noqa: E402

_LOSS = 'Loss/total_loss'
_LOSS_NAMES = (_LOSS, 'loss', 'loss_1')


def read_scalars(model_dir: str) -> Dict[str, List[Tuple[int, float]]]:
  """Reads the training scalars of a model folder: (step, value) by tag."""
  scalars: Dict[str, Dict[int, float]] = {}
  for path in sorted(glob.glob(os.path.join(model_dir, 'events.out.*'))):
    for event in _events(path):
      for value in event.summary.value:
        if value.HasField('simple_value'):
          # A restarted run writes some steps again; the later one counts.
          scalars.setdefault(value.tag, {})[event.step] = value.simple_value
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


def plot(model_dirs: Dict[str, str], path: str) -> None:
  """Plots the loss of each run and the sparsity of those that are pruned.

  Args:
    model_dirs: model folder of each run, by its name in the legend.
    path: PNG file to write.
  """
  runs = {name: read_scalars(folder) for name, folder in model_dirs.items()}
  figure, (top, bottom) = pyplot.subplots(
    2, 1, figsize=(8, 6.5), sharex=True, constrained_layout=True
  )
  for name, scalars in runs.items():
    losses = detector_loss(scalars)
    if losses:
      top.plot(*zip(*losses), label=name)
    for tag, style, what in (
      (summaries.SCHEDULED_SPARSITY, '--', 'scheduled'),
      (summaries.MASKED_SPARSITY, '-', 'masked kernels'),
      (summaries.TOTAL_SPARSITY, ':', 'all kernels'),
    ):
      if tag in scalars:
        bottom.plot(*zip(*scalars[tag]), style, label=f'{name}, {what}')
  top.set(ylabel='training loss', title='Training')
  bottom.set(xlabel='step', ylabel='sparsity (fraction of zeros)')
  bottom.set_ylim(0, 1)
  for axes in (top, bottom):
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
      axes.legend()
  with atomic_files.writing(path) as (temporary,):
    figure.savefig(temporary, dpi=110, format='png')
  pyplot.close(figure)
