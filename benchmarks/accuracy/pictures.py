"""Draws what the models of the accuracy tables find, and where their zeros are.

    python benchmarks/accuracy/pictures.py --records=RECORDS --output_dir=RUNS

Takes models of run.py, and writes into docs/images. The pictures are samples,
zeros, masks and schedule.
"""

import json
import os
import re
import sys

import matplotlib
import numpy as np
import tensorflow.compat.v1 as tf
from absl import app, flags

matplotlib.use('Agg')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import experiments  # noqa: E402
from matplotlib import pyplot  # noqa: E402

from object_detection_pruning.common import checkpoints  # noqa: E402
from object_detection_pruning.comparison import pictures  # noqa: E402
from object_detection_pruning.core import granularity  # noqa: E402
from object_detection_pruning.evaluation import eval_set  # noqa: E402
from object_detection_pruning.inference import (  # noqa: E402
  frozen_graph,
)
from object_detection_pruning.reconstruction import outputs  # noqa: E402

flags.DEFINE_string('records', None, 'Folder with records of each data set.')
flags.DEFINE_string('output_dir', None, 'Folder of all models.')
flags.DEFINE_string('only', '', 'Pattern of the names of pictures to draw.')
flags.mark_flags_as_required(['records', 'output_dir'])
FLAGS = flags.FLAGS

_IMAGES = os.path.join(
  os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'images'
)
_DETECTOR = 'ssd_mobilenet_v1_0.75_bccd'
_MODELS = {
  'dense': 'dense',
  '80 % zeros': 'reconstruct_0.8',
  '90 % zeros': 'reconstruct_0.9',
  '95 % zeros': 'reconstruct_0.95',
  '60 % by channels': 'channels_0.6',
  '90 %, smallest cut': 'magnitude_0.9',
}
# Patterns, drawn as the dense model has them at that sparsity, and criteria, as
# models have them that were pruned while they were trained.
_PATTERNS = ('weight', '1:4', '4x4', 'filter')
_PATTERN_SPARSITY = 0.75
_CRITERIA = ('magnitude', 'random', 'taylor', 'movement')
_KERNEL = 'FeatureExtractor/MobilenetV1/Conv2d_8_pointwise'
_SIDE = 48
_SCHEDULED = 'policy_magnitude_0.9'
_CURVES = {
  'pruning/scheduled_sparsity': 'scheduled',
  'pruning/sparsity_of_masked_kernels': 'measured',
}
_MIN_SCORE = 0.5
_SAMPLES = 3
_WIDTH = 300


def path(name: str, *parts: str) -> str:
  """Names a file of a run, that of the first seed which is there."""
  seeds = experiments.find(_DETECTOR, name).seeds
  folders = [
    os.path.join(FLAGS.output_dir, _DETECTOR, f'{name}-seed{seed}')
    for seed in seeds
  ]
  found = [each for each in folders if os.path.exists(each)]
  return os.path.join((found or folders)[0], *parts)


def graph(name: str) -> str:
  """Names the frozen graph of a run."""
  exported = path(name, 'export', outputs.FROZEN_GRAPH)
  return (
    exported if os.path.exists(exported) else path(name, outputs.FROZEN_GRAPH)
  )


def samples() -> None:
  """Draws test images with what each model finds, beside the labels."""
  records = os.path.join(FLAGS.records, 'bccd')
  labelled = eval_set.load(
    [os.path.join(records, 'test.record')],
    os.path.join(records, 'label_map.pbtxt'),
  )
  rows = pictures.draw(
    [frozen_graph.load(graph(name)) for name in _MODELS.values()],
    list(labelled.read(_SAMPLES)),
    labelled.class_names,
    _MIN_SCORE,
    _WIDTH,
  )
  sheet = pictures.sheet(['labels'] + list(_MODELS), rows)
  sheet.save(os.path.join(_IMAGES, 'accuracy_samples.jpg'), quality=85)


def zeros() -> None:
  """Draws the share of zeros in each pruned layer."""
  figure, axes = pyplot.subplots(figsize=(11, 4.5), dpi=100)
  for title, name in _MODELS.items():
    if not name.startswith('reconstruct'):
      continue
    with open(path(name, outputs.REPORT)) as file:
      layers = [each for each in json.load(file)['layers'] if each['pruned']]
    labels = [short(each['name']) for each in layers]
    axes.plot(
      range(len(layers)),
      [100 * each['sparsity'] for each in layers],
      marker='o',
      label=title,
    )
  axes.set_xticks(range(len(labels)))
  axes.set_xticklabels(labels, rotation=60, ha='right', fontsize=8)
  axes.set_ylabel('zeros in the layer, %')
  axes.set_ylim(0, 100)
  save_lines(figure, 'zeros')


def masks() -> None:
  """Draws a corner of a kernel's mask for each pattern and each criterion."""
  dense = checkpoints.read(checkpoints.resolve(path('dense')))
  weights = dense[f'{_KERNEL}/weights']
  drawn = [(text, pattern_mask(text, weights)) for text in _PATTERNS]
  for name in _CRITERIA:
    run = path(f'policy_{name}_0.9')
    drawn.append(
      (name, checkpoints.read(checkpoints.resolve(run))[f'{_KERNEL}/mask'])
    )
  figure, axes = pyplot.subplots(2, 4, figsize=(11, 6), dpi=100)
  for plot, (title, mask) in zip(axes.flat, drawn):
    plot.imshow(
      mask[0, 0, :_SIDE, :_SIDE],
      cmap='gray',
      vmin=0,
      vmax=1,
      interpolation='none',
    )
    plot.set_title(f'{title}, {np.mean(mask == 0):.1%} zeros', fontsize=10)
    plot.set_xticks([])
    plot.set_yticks([])
  for row in axes:
    row[0].set_ylabel(f'first {_SIDE} inputs', fontsize=9)
  for plot in axes[-1]:
    plot.set_xlabel(f'first {_SIDE} outputs', fontsize=9)
  figure.tight_layout()
  figure.savefig(os.path.join(_IMAGES, 'accuracy_masks.png'))


def pattern_mask(text: str, weights: np.ndarray) -> np.ndarray:
  """Gives the mask of a pattern by magnitude, in the shape of the kernel."""
  pattern = granularity.find(text)
  zeros = pattern.zeros_for(_PATTERN_SPARSITY, weights.shape)
  with tf.Graph().as_default(), tf.Session() as session:
    return session.run(pattern.cut(tf.abs(weights), zeros).mask)


def schedule() -> None:
  """Draws the sparsity that was due and the one that masks had."""
  points = {tag: [] for tag in _CURVES}
  for file in sorted(tf.io.gfile.glob(path(_SCHEDULED, 'events.out*'))):
    for event in tf.train.summary_iterator(file):
      for value in event.summary.value:
        if value.tag in points:
          points[value.tag].append((event.step, value.simple_value))
  figure, axes = pyplot.subplots(figsize=(8, 4), dpi=100)
  for (tag, title), style in zip(_CURVES.items(), ('-', 'o')):
    steps, sparsities = zip(*sorted(points[tag]))
    axes.plot(steps, sparsities, style, label=title, markersize=4)
  axes.set_xlabel('step')
  axes.set_ylabel('sparsity of the masked kernels')
  axes.set_ylim(0, 1)
  save_lines(figure, 'schedule')


def save_lines(figure: pyplot.Figure, name: str) -> None:
  """Writes a picture of lines that rise from the left to the right."""
  (axes,) = figure.axes
  axes.grid(alpha=0.3)
  axes.legend(loc='lower right')
  path_of_picture = os.path.join(_IMAGES, f'accuracy_{name}.png')
  figure.savefig(path_of_picture, bbox_inches='tight')


def short(layer: str) -> str:
  """A name of a layer for an axis."""
  parts = [
    part
    for part in layer.split('/')
    if part not in ('FeatureExtractor', 'MobilenetV1')
  ]
  return '/'.join(parts).replace('Predictor', '').replace('_pointwise', '')


def main(_) -> None:
  for draw in (samples, zeros, masks, schedule):
    if re.search(FLAGS.only, draw.__name__):
      draw()


if __name__ == '__main__':
  app.run(main)
