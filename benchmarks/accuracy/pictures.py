"""Draws what the models of the accuracy tables find, and where their zeros are.

    python benchmarks/accuracy/pictures.py --records=RECORDS --output_dir=RUNS

Takes the first seed's models of run.py, and writes into docs/images.
"""

import json
import os

import matplotlib
import numpy as np
from absl import app, flags

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

from object_detection_pruning.comparison import pictures  # noqa: E402
from object_detection_pruning.evaluation import eval_set  # noqa: E402
from object_detection_pruning.inference import (  # noqa: E402
  detections,
  drawing,
  frozen_graph,
)
from object_detection_pruning.reconstruction import outputs  # noqa: E402

flags.DEFINE_string('records', None, 'Folder with records of each data set.')
flags.DEFINE_string('output_dir', None, 'Folder of all models.')
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
_MIN_SCORE = 0.5
_SAMPLES = 3
_WIDTH = 300


def path(name: str, *parts: str) -> str:
  """Names a file of a run."""
  return os.path.join(FLAGS.output_dir, _DETECTOR, f'{name}-seed1', *parts)


def graph(name: str) -> str:
  """Names the frozen graph of a run."""
  exported = path(name, 'export', outputs.FROZEN_GRAPH)
  return (
    exported if os.path.exists(exported) else path(name, outputs.FROZEN_GRAPH)
  )


def truth(example) -> detections.Detections:
  """The labelled objects, as if they were found."""
  return detections.Detections(
    boxes=example.boxes,
    scores=np.ones(len(example.boxes), np.float32),
    class_ids=example.class_ids,
    masks=example.masks,
  )


def samples() -> None:
  """Draws test images with what each model finds, beside the labels."""
  records = os.path.join(FLAGS.records, 'bccd')
  labelled = eval_set.load(
    [os.path.join(records, 'test.record')],
    os.path.join(records, 'label_map.pbtxt'),
  )
  examples = list(labelled.read(_SAMPLES))
  names = labelled.class_names
  rows = pictures.draw(
    [frozen_graph.load(graph(name)) for name in _MODELS.values()],
    [example.image for example in examples],
    names,
    _MIN_SCORE,
    _WIDTH,
  )
  for row, example in zip(rows, examples):
    drawn = drawing.draw(example.image, truth(example), names)
    row.insert(0, pictures.resized(drawn, _WIDTH))
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
  axes.grid(alpha=0.3)
  axes.legend(loc='lower right')
  figure.savefig(
    os.path.join(_IMAGES, 'accuracy_zeros.png'), bbox_inches='tight'
  )


def short(layer: str) -> str:
  """A name of a layer for an axis."""
  parts = [
    part
    for part in layer.split('/')
    if part not in ('FeatureExtractor', 'MobilenetV1')
  ]
  return '/'.join(parts).replace('Predictor', '').replace('_pointwise', '')


def main(_) -> None:
  samples()
  zeros()


if __name__ == '__main__':
  app.run(main)
