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
  known = None
  if os.path.exists(request.output):
    known = results.load(request.output)
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
  )
  fresh = results.Results(
    setup,
    None,
    [results.Layer(t.name, list(t.layers), t.size, {}) for t in found],
    model_costs,
  )
  merged = fresh.merged(known, request.output) if known else fresh
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
  request, found = prepared.request, prepared.results
  if found.baseline is not None and not prepared.missing:
    return found
  calibrator, tensors = None, prepared.tensors
  if request.recalibrate:
    calibrator = calibration.Calibrator(
      prepared.config,
      prepared.raw,
      request.recalibrate,
      request.threads,
      request.cache_megabytes,
    )
    # Points are compared with what was set from the same batches.
    tensors = dict(tensors, **calibrator.statistics())
  model = evaluator.Evaluator(
    prepared.config,
    tensors,
    eval_data.load(prepared.config, prepared.reader, prepared.examples),
    request.metric,
    request.threads,
    request.cache_megabytes,
  )
  if found.baseline is None:
    found = found._replace(baseline=model.evaluate())
    _check_baseline(found.baseline, request.metric)
    found.save(request.output)
  for target, ratio in track(prepared.missing):
    if stopped():
      break
    changes, variables = target.changes(ratio), list(target.variables)
    if calibrator:
      later = calibrator.depending_on(variables)
      statistics = calibrator.statistics(variables, changes)
      changes.update({name: statistics[name] for name in later})
      variables += [name for name in later if name not in variables]
    metrics = model.evaluate(variables, changes)
    found = found.with_point(target.name, ratio, metrics)
    found.save(request.output)
  model.close()
  if calibrator:
    calibrator.close()
  return found


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


def _check_baseline(baseline: Dict[str, float], metric: str) -> None:
  value = baseline[metric]
  if not value > 0:
    raise errors.InputError(
      f'the {metric} of the unpruned model is {value:g} on these images, so '
      'there is nothing to lose: train it first, or evaluate on more images'
    )
