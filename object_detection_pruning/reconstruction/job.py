"""From what a user names to files: the whole of pruning without training."""

import hashlib
import os
import shutil
from typing import Any, List, NamedTuple, Optional

import numpy as np

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import kernels
from object_detection_pruning.export import exporter
from object_detection_pruning.reconstruction import model as models
from object_detection_pruning.reconstruction import (
  outputs,
  progress_file,
  pruning,
  refinement,
  report,
)
from object_detection_pruning.reconstruction import photos as photo_sources
from object_detection_pruning.reconstruction import request as requests

_PARTS = 'unfinished'
_FEW_PHOTOS = 32


class Source(NamedTuple):
  """The dense model.

  Attributes:
    graph: path of a frozen graph, or None.
    config: pipeline config, where there is no graph.
    checkpoint: prefix of its checkpoint.
  """

  graph: Optional[str] = None
  config: Any = None
  checkpoint: Optional[str] = None

  def read(self) -> models.Model:
    """Reads the model."""
    if self.graph:
      return models.from_graph(self.graph)
    return models.from_checkpoint(self.config, self.checkpoint)


def run(
  source: Source,
  photos: photo_sources.Photos,
  request: requests.Request,
  learning: refinement.Setting,
  folder: str,
) -> report.Report:
  """Prunes a model and writes it.

  Finished layers are kept in a folder below `folder` until all is written; the
  same call goes on from there.

  Args:
    source: the dense model.
    photos: pictures to calibrate with.
    request: settings.
    learning: refinement; none with 0 steps.
    folder: where the frozen graph, the report and, for a checkpoint, the masked
      checkpoint and its config go.

  Returns:
    What became of each layer.

  Raises:
    InputError: the model, the photos or the request cannot be used.
  """
  request.check()
  model = source.read()
  pruner = pruning.Pruner(model, photos.images, request)
  try:
    parts = os.path.join(folder, _PARTS)
    kept = progress_file.Folder(
      parts, _fingerprint(model, photos, request, learning)
    )
    values, layers = pruner.run(kept)
    distances = []
    if learning.steps:
      state = pruner.refine(values, learning, kept)
      values, distances = dict(values, **state.best), state.distances
  finally:
    pruner.close()
  result = report.Report(
    layers,
    {each.node: each.reason for each in pruner.rejected},
    len(photos.images),
    photos.skipped,
    distances,
    _notes(photos),
  )
  outputs.write_graph(model, values, os.path.join(folder, outputs.FROZEN_GRAPH))
  if source.checkpoint:
    _write_checkpoint(source, pruner, values, folder)
  result.write(os.path.join(folder, outputs.REPORT))
  shutil.rmtree(parts)
  return result


def _write_checkpoint(source, pruner, values, folder: str) -> None:
  tensors = checkpoints.read(source.checkpoint)
  stripped = exporter.strip(source.config, source.checkpoint).tensors
  names = set(tensors)
  tensors = {
    name: stripped.get(name, value)
    for name, value in tensors.items()
    if not kernels.is_pruning_variable(name, names)
  }
  pruned = [layer.constant for layer in pruner.chosen]
  outputs.write_checkpoint(
    source.config, outputs.masked_tensors(tensors, values, pruned), folder
  )


def file_names(source: Source) -> List[str]:
  """Names what `run` writes."""
  names = [outputs.FROZEN_GRAPH, outputs.REPORT]
  if source.checkpoint:
    names += [outputs.CHECKPOINT + '.index', pipeline.FILE_NAME]
  return names


def is_unfinished(folder: str) -> bool:
  """Tells whether a run that was killed can go on in a folder."""
  return os.path.isdir(os.path.join(folder, _PARTS))


def check_folder(source: Source, folder: str) -> None:
  """Refuses to write over the dense model."""
  given = source.graph or source.checkpoint
  if os.path.realpath(folder) == os.path.dirname(os.path.realpath(given)):
    raise errors.InputError(
      f'--output_dir must be another folder than that of {given}'
    )


def _fingerprint(model, photos, request, learning) -> str:
  digest = hashlib.sha256(model.graph_def.SerializeToString(deterministic=True))
  digest.update(repr((request, learning)).encode())
  for image in photos.images:
    digest.update(np.ascontiguousarray(image).data)
  return digest.hexdigest()


def _notes(photos: photo_sources.Photos):
  if len(photos.images) >= _FEW_PHOTOS:
    return []
  return [
    f'{len(photos.images)} pictures are few: layers with small maps are held '
    f'near their dense weights; {_FEW_PHOTOS} or more, better 100, do better'
  ]
