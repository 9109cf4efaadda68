"""The analysis: every point is pruned alone, evaluated, restored and saved."""

import os
from typing import (
  Callable,
  Dict,
  List,
  NamedTuple,
  Sequence,
  Set,
  Tuple,
)

import numpy as np
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning import pipeline
from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.core import checkpoints, errors
from object_detection_pruning.export import stripping
from object_detection_pruning.sensitivity import (
  calibration,
  costs,
  eval_data,
  evaluator,
  fingerprints,
  parts,
  results,
  targets,
)
from object_detection_pruning.sensitivity import request as request_lib


class Prepared(NamedTuple):
  """A request whose files were read and checked.

  Attributes:
    request: what is to be measured.
    config: the pipeline config.
    raw: the checkpoint by name.
    tensors: the same, masks folded in.
    reader: of the evaluation data.
    examples: serialized evaluation examples.
    targets: all of the model.
    todo: (target, ratio) of this shard, those that are done included.
    results: what is known already.
  """

  request: request_lib.Request
  config: pipeline_pb2.TrainEvalPipelineConfig
  raw: Dict[str, np.ndarray]
  tensors: Dict[str, np.ndarray]
  reader: input_reader_pb2.InputReader
  examples: List[bytes]
  targets: List[targets.Target]
  todo: List[Tuple[targets.Target, float]]
  results: results.Results

  @property
  def missing(self) -> List[Tuple[targets.Target, float]]:
    """The points that are not measured yet."""
    known = {layer.name: layer.points for layer in self.results.layers}
    return [
      (target, ratio)
      for target, ratio in self.todo
      if ratio not in known[target.name]
    ]


def prepare(request: request_lib.Request) -> Prepared:
  """Reads all that a request names, and the points that are done.

  Raises:
    InputError: something cannot be used, or the output is of another analysis.
  """
  request.check()
  known = _known(request.output)
  config = pipeline.load(request.pipeline_config_path)
  reader = eval_data.reader(config)
  examples = eval_data.serialized(reader, request.num_examples)
  raw = checkpoints.read(checkpoints.resolve(request.checkpoint))
  tensors = stripping.strip(raw).tensors
  network = pruning.analyze(config)
  surgery.check_fits(network.shapes, tensors)
  is_filter = request.granularity == targets.FILTER
  if is_filter:
    found = targets.filters(network, tensors, request.importance)
    model_costs = costs.of_filters(network)
  else:
    found = targets.weights(network, tensors)
    model_costs = costs.of_weights(network, found)
  chosen = targets.choose(found, request.include, request.exclude)
  setup = results.Setup(
    fingerprints.of_model(config),
    fingerprints.of_checkpoint(network, tensors),
    eval_data.digest(reader, examples),
    len(examples),
    request.granularity,
    request.importance if is_filter else None,
    request.metric,
    request.recalibrate,
    calibration.fingerprint(config, request.recalibrate)
    if request.recalibrate
    else None,
  )
  fresh = results.Results(
    setup,
    None,
    [results.Layer(t.name, list(t.layers), t.size, {}) for t in found],
    model_costs,
  )
  merged = fresh
  for path, part in known.items():
    merged = merged.merged(part, path)
  todo = _points(found, chosen, request)
  return Prepared(
    request, config, raw, tensors, reader, examples, found, todo, merged
  )


def run(
  prepared: Prepared,
  track: Callable = lambda points: points,
  stopped: Callable[[], bool] = lambda: False,
) -> results.Results:
  """Measures the points that are missing, and saves each.

  Args:
    prepared: from `prepare`.
    track: wraps the points, to show how far they are.
    stopped: asked before each point; the rest is left if it says so.

  Raises:
    InputError: the unpruned model has nothing to lose.
  """
  request, found = prepared.request, adopt(prepared)
  if found.baseline is not None and not prepared.missing:
    return found
  bench = _Bench(prepared)
  if found.baseline is None:
    found = found._replace(baseline=bench.baseline())
    found.save(request.output)
  for target, ratio in track(prepared.missing):
    if stopped():
      break
    found = found.with_point(target.name, ratio, bench.point(target, ratio))
    found.save(request.output)
  bench.close()
  return found


def adopt(prepared: Prepared) -> results.Results:
  """Takes what workers of a killed run have left into the output."""
  output = prepared.request.output
  if parts.find(output):
    prepared.results.save(output)
    parts.remove(output)
  return prepared.results


def measure_baseline(prepared: Prepared) -> Prepared:
  """Evaluates the unpruned model and saves what it has, if it is not known.

  Raises:
    InputError: it has nothing to lose.
  """
  found = prepared.results
  if found.baseline is not None:
    return prepared
  bench = _Bench(prepared)
  found = found._replace(baseline=bench.baseline())
  bench.close()
  found.save(prepared.request.output)
  return prepared._replace(results=found)


class _Bench:
  """A detector in memory, whose points are measured one by one."""

  def __init__(self, prepared: Prepared):
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
      eval_data.load(prepared.config, prepared.reader, prepared.examples),
      request.metric,
      request.threads,
      request.cache_megabytes,
    )

  def baseline(self) -> Dict[str, float]:
    """Evaluates the unpruned model."""
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


def _known(output: str) -> Dict[str, results.Results]:
  """Reads the output and what workers of a killed run have left, by path."""
  paths = [output] if os.path.exists(output) else []
  return {path: results.load(path) for path in paths + parts.find(output)}


def _points(
  found: Sequence[targets.Target],
  chosen: Set[str],
  request: request_lib.Request,
) -> List[Tuple[targets.Target, float]]:
  number, count = request.shard
  mine = [target for target in found if target.name in chosen]
  return [
    (target, float(ratio))
    for target in mine[number - 1 :: count]
    for ratio in sorted(set(request.ratios))
  ]
