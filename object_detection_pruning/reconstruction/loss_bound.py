"""The sparsest model that loses no more than a share of its accuracy."""

import functools
import hashlib
import json
import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import atomic_files, checks, errors
from object_detection_pruning.evaluation import accuracy, coco_metrics
from object_detection_pruning.evaluation import eval_set as eval_sets
from object_detection_pruning.inference import loaders
from object_detection_pruning.reconstruction import job as jobs
from object_detection_pruning.reconstruction import (
  outputs,
  progress_file,
  trials,
)

METRICS = (coco_metrics.MAP, coco_metrics.AP50)
TABLE = 'max_loss.json'
_RUN = 'run.json'
_DENSE = 'dense'
# Bytes of a file of examples that are read at a time.
_PART = 2**20


class Bound(NamedTuple):
  """What a model may lose.

  Attributes:
    max_loss: share of the dense model's metric.
    metric: one of METRICS, on boxes.
    eval_set: labelled images that it is measured on.
  """

  max_loss: float
  metric: str
  eval_set: eval_sets.EvalSet

  def check(self) -> 'Bound':
    """Returns itself, or raises `InputError` for a value out of range."""
    checks.sparsity('max_loss', self.max_loss)
    if self.metric not in METRICS:
      raise errors.InputError(
        f'metric must be one of {", ".join(METRICS)}, got {self.metric!r}'
      )
    return self


def search(
  job: jobs.Job,
  bound: Bound,
  folder: str,
  finish: Callable[[trials.Trials], None] = lambda _: None,
) -> trials.Trials:
  """Prunes at several sparsities, by bisection in steps of 1 %.

  Accuracy is taken to fall as sparsity grows. Every run is kept in a folder
  below `folder`, and the same call uses it again. The files of the sparsest
  run within the bound are copied into `folder`.

  Args:
    job: the dense model and its photos.
    bound: what may be lost.
    folder: to write to.
    finish: see `Job.run`; called if a run is within the bound.

  Returns:
    All runs.

  Raises:
    InputError: the dense model finds nothing on the images, or the folder has
      runs with other settings.
  """
  bound.check()
  dense = _dense(job, bound, folder)
  if dense <= 0:
    raise errors.InputError(
      f'{bound.metric} of {job.model.path} is {dense:.4f} on '
      f'{bound.eval_set.paths[0]}: there is nothing to lose'
    )
  found = trials.Trials(bound.metric, dense, bound.max_loss, [], job.target)
  shared = progress_file.Folder(
    os.path.join(folder, jobs.PARTS), job.fingerprint()
  )

  def is_within(percent: int) -> bool:
    sparsity = percent / 100
    value = _measured(
      bound,
      run_folder(folder, sparsity),
      job.fingerprint(sparsity),
      lambda run: job.run(run, sparsity, shared),
    )
    trial = trials.Trial(sparsity, value)
    found.runs.append(trial)
    tf.logging.info('%s', found.line(trial))
    return found.is_within(trial)

  most = int(100 * job.most_share(shared) + 1e-9)
  sparsest(is_within, most)
  _finish(found, folder)
  if found.chosen is not None:
    finish(found)
  shared.remove()
  return found


def sparsest(is_within: Callable[[int], bool], most: int) -> int:
  """Gives the largest number up to `most` that is within, 0 if none is.

  Args:
    is_within: true up to some number and false from there.
    most: the largest number to try.
  """
  low, high = 0, most + 1
  while high - low > 1:
    middle = (low + high) // 2
    low, high = (middle, high) if is_within(middle) else (low, middle)
  return low


def run_folder(folder: str, sparsity: float) -> str:
  """Where the run of a sparsity is kept."""
  return os.path.join(folder, f'sparsity_{sparsity:.2f}')


def _dense(job: jobs.Job, bound: Bound, folder: str) -> float:
  def write(run: str) -> None:
    outputs.write_graph(job.model, {}, os.path.join(run, outputs.FROZEN_GRAPH))

  return _measured(
    bound, os.path.join(folder, _DENSE), job.fingerprint(0.0), write
  )


def _measured(
  bound: Bound, folder: str, run: str, make: Callable[[str], Any]
) -> float:
  """Makes a model and measures it, or reads what is known of it.

  Args:
    bound: how it is measured.
    folder: of the model.
    run: fingerprint of all that the model depends on.
    make: writes the model into a folder.
  """
  known = _read(folder)
  if known and known['run'] != run:
    raise errors.InputError(
      f'{folder} has a run with other photos, settings or another model: name '
      'another folder, or remove that one'
    )
  if known is None:
    make(folder)
    _write(folder, run, None, {})
  images = _fingerprint(bound.eval_set)
  if known is None or known['images'] != images:
    detector = loaders.load_detector(os.path.join(folder, outputs.FROZEN_GRAPH))
    scores = accuracy.evaluate(
      detector, bound.eval_set, f'evaluate {os.path.basename(folder)}'
    )
    values = {
      coco_metrics.MAP: scores.ap,
      coco_metrics.AP50: scores.ap50,
    }
    known = _write(folder, run, images, values)
  return known['metrics'][bound.metric]


def _read(folder: str) -> Optional[Dict[str, Any]]:
  path = os.path.join(folder, _RUN)
  if not os.path.exists(path):
    return None
  with open(path) as file:
    return json.load(file)


def _write(
  folder: str, run: str, images: Optional[str], metrics: Dict[str, float]
) -> Dict[str, Any]:
  content = {'run': run, 'images': images, 'metrics': metrics}
  atomic_files.write(os.path.join(folder, _RUN), json.dumps(content, indent=2))
  return content


def _fingerprint(eval_set: eval_sets.EvalSet) -> str:
  content = repr((sorted(eval_set.ids.items()), eval_set.size))
  result = hashlib.sha256(content.encode())
  for path in eval_set.paths:
    with tf.gfile.GFile(path, 'rb') as file:
      for part in iter(functools.partial(file.read, _PART), b''):
        result.update(part)
  return result.hexdigest()


def _finish(found: trials.Trials, folder: str) -> None:
  """Writes the table, and copies the run that was chosen."""
  chosen = found.chosen
  if chosen is not None:
    run = run_folder(folder, chosen.sparsity)
    names: List[str] = sorted(set(os.listdir(run)) - {_RUN, pipeline.FILE_NAME})
    with atomic_files.writing(
      *[os.path.join(folder, name) for name in names]
    ) as temporary:
      for name, target in zip(names, temporary):
        tf.gfile.Copy(os.path.join(run, name), target, overwrite=True)
    config_path = os.path.join(run, pipeline.FILE_NAME)
    if os.path.exists(config_path):
      config = pipeline.load(config_path)
      start = os.path.join(folder, outputs.CHECKPOINT)
      config.train_config.fine_tune_checkpoint = start
      pipeline.save(config, folder)
  found.write(os.path.join(folder, TABLE))
