"""A detector in memory, of which one thing at a time is pruned."""

from typing import Dict

from object_detection_pruning.common import errors
from object_detection_pruning.evaluation import eval_inputs, evaluator
from object_detection_pruning.sensitivity import (
  calibration,
  preparation,
  targets,
)


class Bench:
  """A detector in memory, whose points are measured one by one."""

  def __init__(self, prepared: preparation.Prepared):
    """Builds the detector.

    Args:
      prepared: from `preparation.prepare`.
    """
    request, tensors = prepared.request, prepared.tensors
    self._metric = request.metric
    self._calibrator = None
    if request.recalibrate:
      self._calibrator = calibration.Calibrator(
        prepared.config,
        prepared.raw,
        request.recalibrate,
        request.threads,
        request.cache_megabytes,
      )
      # Points are compared with what was set from the same batches.
      tensors = dict(tensors, **self._calibrator.statistics())
    self._model = evaluator.Evaluator(
      prepared.config,
      tensors,
      eval_inputs.load(prepared.config, prepared.reader, prepared.examples),
      request.metric,
      request.threads,
      request.cache_megabytes,
    )

  def baseline(self) -> Dict[str, float]:
    """Evaluates the unpruned model.

    Raises:
      InputError: it has nothing to lose.
    """
    metrics = self._model.evaluate()
    value = metrics[self._metric]
    if not value > 0:
      raise errors.InputError(
        f'the {self._metric} of the unpruned model is {value:g} on these '
        'images, so there is nothing to lose: train it first, or evaluate on '
        'more images'
      )
    return metrics

  def point(self, target: targets.Target, ratio: float) -> Dict[str, float]:
    """Evaluates with one target pruned, and restores it."""
    changes, variables = target.changes(ratio), list(target.variables)
    if self._calibrator:
      later = self._calibrator.depending_on(variables)
      statistics = self._calibrator.statistics(variables, changes)
      changes.update({name: statistics[name] for name in later})
      variables += [name for name in later if name not in variables]
    return self._model.evaluate(variables, changes)

  def close(self) -> None:
    """Frees the sessions and their threads."""
    self._model.close()
    if self._calibrator:
      self._calibrator.close()
