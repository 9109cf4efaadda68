"""Measures models on one evaluation set and writes what came of it."""

import os
import platform
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from PIL import Image

from object_detection_pruning.common import atomic_files, sessions
from object_detection_pruning.comparison import (
  file_size,
  latency,
  model_table,
  page,
  pictures,
)
from object_detection_pruning.evaluation import accuracy, eval_set
from object_detection_pruning.export import sparsity_report
from object_detection_pruning.inference import loaders, model_files
from object_detection_pruning.inspection import model_file_cost

_MAX_SAMPLE_IMAGES = 8
_REPORT = 'sparsity.json'
_NAME = 'comparison'
_PICTURES = 'detections.png'
FILE_NAMES = tuple(
  f'{_NAME}.{ending}' for ending in ('md', 'csv', 'json', 'html')
) + (_PICTURES,)


class Settings(NamedTuple):
  """How models are compared.

  Attributes:
    records: paths of TFRecord files, with wildcards where there are shards.
    label_map: path of their label map.
    num_examples: how many images of it; None for all.
    rounds: how often each model is timed.
    num_pictures: images whose detections are shown.
    min_score: detections that score less are not shown.
  """

  records: Sequence[str]
  label_map: str
  num_examples: Optional[int] = None
  rounds: int = 30
  num_pictures: int = 3
  min_score: float = 0.5


class Comparison(NamedTuple):
  """What was measured.

  Attributes:
    table: a row for each model.
    paths: of the models.
    pictures: for each image the objects in it, then what each model found.
    notes: how it was made.
  """

  table: model_table.ModelTable
  paths: List[str]
  pictures: List[List[Image.Image]]
  notes: page.Notes

  def write(
    self, folder: str, training_plot: Optional[Image.Image] = None
  ) -> None:
    """Writes comparison.md, .csv, .json and .html, and detections.png."""
    os.makedirs(folder, exist_ok=True)
    html = page.render(
      self.table, self.paths, self.pictures, self.notes, training_plot
    )
    for ending, text in (
      ('md', self.table.markdown() + '\n'),
      ('csv', self.table.csv()),
      ('json', self.table.as_json() + '\n'),
      ('html', html),
    ):
      atomic_files.write(os.path.join(folder, f'{_NAME}.{ending}'), text)
    if self.pictures:
      names = [page.TRUTH] + [row.name for row in self.table.rows]
      path = os.path.join(folder, _PICTURES)
      with atomic_files.writing(path) as (name,):
        pictures.sheet(names, self.pictures).save(name, format='PNG')


def compare(models: Dict[str, str], settings: Settings) -> Comparison:
  """Measures accuracy, cost, size and latency of exported models.

  Args:
    models: path of each model (see `loaders.load_detector`) by its name.
    settings: how.

  Raises:
    InputError: a model, a record or the label map cannot be used, or they do
      not belong together.
  """
  evaluated = eval_set.load(
    settings.records, settings.label_map, settings.num_examples
  )
  for path in models.values():
    evaluated.check_model(path)
  # Before all that takes long.
  masked = [_masked_sparsity(path) for path in models.values()]
  detectors = [loaders.load_detector(path) for path in models.values()]
  samples = list(evaluated.read(_MAX_SAMPLE_IMAGES))
  scores = [
    accuracy.evaluate(detector, evaluated, name)
    for name, detector in zip(models, detectors)
  ]
  drawn = pictures.draw(
    detectors,
    samples[: settings.num_pictures],
    evaluated.class_names,
    settings.min_score,
  )
  notes = page.Notes(
    ', '.join(evaluated.paths),
    scores[0].num_images,
    settings.rounds,
    settings.min_score,
    f'{sessions.cores()} cores, {platform.machine()}',
  )
  table = model_table.ModelTable(
    _rows(
      models, scores, masked, [each.image for each in samples], settings.rounds
    )
  )
  return Comparison(table, list(models.values()), drawn, notes)


def _rows(
  models: Dict[str, str],
  scores: Sequence[accuracy.Accuracy],
  masked: Sequence[Optional[float]],
  samples: Sequence[np.ndarray],
  rounds: int,
) -> List[model_table.ModelRow]:
  """Measures cost, size and latency, and puts them beside the accuracy."""
  paths = list(models.values())
  times = [
    latency.measure(paths, samples, threads, rounds, title)
    for threads, title in ((1, 'latency, one thread'), (None, 'latency'))
  ]
  return [
    model_table.ModelRow(
      name,
      model_files.kind_of(path),
      score,
      model_file_cost.measure(path, samples[0]),
      sparsity,
      file_size.measure(path),
      one_thread,
      all_cores,
    )
    for (name, path), score, sparsity, one_thread, all_cores in zip(
      models.items(), scores, masked, *times
    )
  ]


def _masked_sparsity(path: str) -> Optional[float]:
  """What the report that the exporter wrote beside a model says."""
  report = os.path.join(os.path.dirname(os.path.abspath(path)), _REPORT)
  if not os.path.exists(report):
    return None
  return sparsity_report.load(report).masked_sparsity
