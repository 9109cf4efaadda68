"""From what a user names to files: the whole of pruning without training."""

import hashlib
import os
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors, finite, paths
from object_detection_pruning.core import kernels
from object_detection_pruning.export import exporter
from object_detection_pruning.graphs import float_constants
from object_detection_pruning.reconstruction import (
  at_once,
  layer_choice,
  outputs,
  progress_file,
  pruning,
  refinement,
  report,
)
from object_detection_pruning.reconstruction import model as models
from object_detection_pruning.reconstruction import photo_size as photo_sizes
from object_detection_pruning.reconstruction import photos as photo_sources
from object_detection_pruning.reconstruction import request as requests

PARTS = 'unfinished'


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
    """Reads the model.

    Raises:
      InputError: it is no model, or has values that are NaN or infinite.
    """
    if self.graph:
      model = models.from_graph(self.graph)
    else:
      model = models.from_checkpoint(self.config, self.checkpoint)
    finite.check(model.path, float_constants.find(model.graph_def))
    return model

  def photo_size(self) -> photo_sizes.PhotoSize:
    """Gives the size that the model looks at, before it is read.

    Raises:
      InputError: there is no graph.
    """
    if self.graph:
      return photo_sizes.of_graph_file(self.graph)
    return photo_sizes.of_config(self.config)


class Job:
  """A dense model with its photos, which can be pruned several times."""

  def __init__(
    self,
    source: Source,
    photos: Callable[[], photo_sources.Photos],
    request: requests.Request,
    learning: refinement.Setting,
  ):
    """Reads the model.

    Args:
      source: the dense model.
      photos: gives pictures to calibrate with, once the model is found to be
        one; to draw them takes a while.
      request: settings.
      learning: refinement; none with 0 steps.

    Raises:
      InputError: the model, the photos or the request cannot be used.
    """
    self._source = source
    self._request, self._learning = request.check(), learning
    self.model = source.read()
    self._photos = photos()
    self._pruner = pruning.Pruner(
      self.model, self._photos.images, request, views=self._photos.views
    )
    self._content = _digest(self.model, self._photos)

  @property
  def target(self) -> str:
    """What the share of a run is of; one of `request.TARGETS`."""
    return self._request.target

  def most_share(self, shared: progress_file.Folder) -> float:
    """Gives the largest share that can be asked for.

    Args:
      shared: see `run`.
    """
    return self._pruner.most_share(shared)

  def fingerprint(self, sparsity: Optional[float] = None) -> str:
    """Stands for all that a run depends on.

    Args:
      sparsity: of the run; None for all runs together, whatever it is.
    """
    settings = self._request._replace(sparsity=sparsity), self._learning
    return hashlib.sha256((self._content + repr(settings)).encode()).hexdigest()

  def run(
    self,
    folder: str,
    sparsity: Optional[float] = None,
    shared: Optional[progress_file.Folder] = None,
    finish: Callable[[report.Report], None] = lambda _: None,
  ) -> report.Report:
    """Prunes the model and writes it.

    Finished layers are kept in a folder below `folder` until all is written;
    the same call goes on from there.

    Args:
      folder: where the frozen graph, the report and, for a checkpoint, the
        masked checkpoint and its config go.
      sparsity: in place of that of the request.
      shared: where parts are kept that runs of other sparsities need as well.
      finish: called with the result when all is written; killed in it, a run
        goes on as well.

    Returns:
      What became of each layer.

    Raises:
      InputError: as in the constructor.
    """
    if sparsity is None:
      sparsity = self._request.sparsity
    parts = os.path.join(folder, PARTS)
    is_new, made = not os.path.isdir(parts), not os.path.isdir(folder)
    kept = progress_file.Folder(parts, self.fingerprint(sparsity))
    try:
      values, layers = self._pruner.run(kept, sparsity, shared)
    except errors.InputError:
      # What was refused never began, and must not stand in another's way.
      if is_new:
        kept.remove()
      if made:
        os.rmdir(folder)
      raise
    distances = []
    if self._learning.steps:
      state = self._pruner.refine(values, self._learning, kept)
      values, distances = dict(values, **state.best), state.distances
    result = report.Report(
      layers,
      {each.node: each.reason for each in self._pruner.rejected},
      len(self._photos.images),
      self._photos.skipped,
      self._photos.generated,
      distances,
    )
    pruned = [layer.constant for layer in self._pruner.chosen]
    _write(self._source, self.model, values, pruned, folder)
    result.write(os.path.join(folder, outputs.REPORT))
    finish(result)
    kept.remove()
    return result

  def plan(self) -> report.Report:
    """Says which zeros `run` would make, and writes nothing.

    Raises:
      InputError: as in `run`.
    """
    return report.Report(
      self._pruner.plan(),
      {each.node: each.reason for each in self._pruner.rejected},
      len(self._photos.images),
      self._photos.skipped,
      self._photos.generated,
      [],
    )

  def close(self) -> None:
    """Frees the session and the threads."""
    self._pruner.close()

  def __enter__(self) -> 'Job':
    return self

  def __exit__(self, *_) -> None:
    self.close()


def run(
  source: Source,
  photos: photo_sources.Photos,
  request: requests.Request,
  learning: refinement.Setting,
  folder: str,
) -> report.Report:
  """Prunes a model once and writes it; see `Job`."""
  with Job(source, lambda: photos, request, learning) as job:
    return job.run(folder)


def cut(
  source: Source, request: at_once.Request, folder: Optional[str]
) -> report.Report:
  """Cuts off what scores least, without photos, and writes the model.

  Args:
    source: the dense model.
    request: settings.
    folder: to write to, see `Job.run`; None writes nothing.

  Returns:
    What became of each layer.

  Raises:
    InputError: the model or the request cannot be used.
  """
  request.check()
  model = source.read()
  layers, rejected = model.layers()
  chosen = layer_choice.choose(layers, request, model.path)
  values = at_once.values(chosen, at_once.masks(chosen, request))
  result = report.Report(
    at_once.results(layers, values),
    {each.node: each.reason for each in rejected},
    photos=0,
    skipped=0,
    generated=False,
    refinement=[],
  )
  if folder is not None:
    _write(source, model, values, list(values), folder)
    result.write(os.path.join(folder, outputs.REPORT))
  return result


def _write(source, model, values, pruned: List[str], folder: str) -> None:
  path = os.path.join(folder, outputs.FROZEN_GRAPH)
  outputs.write_graph(model, values, path)
  if not source.checkpoint:
    return
  tensors = checkpoints.read(source.checkpoint)
  stripped = exporter.strip(source.config, source.checkpoint).tensors
  shapes = {name: value.shape for name, value in tensors.items()}
  masks = {
    kernel: tensors[mask]
    for kernel, mask in kernels.kernels_with_masks(shapes).items()
  }
  tensors = {
    name: stripped.get(name, value)
    for name, value in tensors.items()
    if not kernels.is_pruning_variable(name, shapes)
  }
  tensors = outputs.with_values(source.config, tensors, values)
  outputs.write_checkpoint(
    source.config, outputs.masked_tensors(tensors, pruned, masks), folder
  )


def check_output(
  source: Source,
  folder: str,
  more: Sequence[str],
  may_replace: bool,
  goes_on: bool = True,
  config_path: Optional[str] = None,
) -> None:
  """Refuses a folder that cannot be written, or that has what would be lost.

  Args:
    source: the dense model; its folder is refused.
    folder: the folder to write to.
    more: files that are written there besides those of `run`.
    may_replace: whether an older result may be replaced.
    goes_on: whether a run that was killed goes on, as that of `cut` does not.
    config_path: of the pipeline config that is read, if one is.

  Raises:
    InputError: it is refused.
  """
  paths.refuse_folder_of(source.graph or source.checkpoint, folder)
  names = [outputs.FROZEN_GRAPH, outputs.REPORT]
  if source.checkpoint:
    names += [outputs.CHECKPOINT + '.index', pipeline.FILE_NAME]
  is_unfinished = goes_on and os.path.isdir(os.path.join(folder, PARTS))
  paths.files_to_write(
    '--output_dir',
    folder,
    [*names, *more],
    may_replace or is_unfinished,
    [config_path],
  )


def _digest(model: models.Model, photos: photo_sources.Photos) -> str:
  digest = hashlib.sha256(model.graph_def.SerializeToString(deterministic=True))
  for image in photos.images:
    digest.update(np.ascontiguousarray(image).data)
  return digest.hexdigest()
