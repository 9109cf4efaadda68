"""A request for an analysis, with all that its files hold."""

import os
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

import numpy as np
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.common import checkpoints
from object_detection_pruning.evaluation import eval_inputs
from object_detection_pruning.export import stripping
from object_detection_pruning.sensitivity import (
  calibration,
  costs,
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
  reader = eval_inputs.reader(config)
  examples = eval_inputs.serialized(reader, request.num_examples)
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
    fingerprints.of_examples(reader, examples),
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
