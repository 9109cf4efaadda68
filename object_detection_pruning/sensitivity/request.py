"""What an analysis is asked for, and all that the files named in it hold."""

import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.common import (
  checkpoints,
  checks,
  errors,
  finite,
)
from object_detection_pruning.core import moving_averages
from object_detection_pruning.evaluation import eval_inputs, evaluator
from object_detection_pruning.export import stripping
from object_detection_pruning.sensitivity import (
  calibration,
  costs,
  fingerprints,
  results,
  results_file,
)
from object_detection_pruning.sensitivity import prunables as prunables_lib

RATIOS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 10))


class Request(NamedTuple):
  """What is to be measured.

  Attributes:
    pipeline_config_path: the config, which names the evaluation data.
    checkpoint: prefix of the checkpoint, or a folder with checkpoints.
    output: JSON file to write, or to go on with.
    granularity: one of `prunables.GRANULARITIES`.
    ratios: shares of each prunable that go.
    metric: one of `evaluator.METRICS`.
    importance: one of `prunables.IMPORTANCES`; for filters.
    num_examples: images to evaluate on; None for all.
    recalibrate: training batches to set batch norm from at each point.
    include: patterns of layers.
    exclude: patterns of layers.
    shard: (I, N): the I-th of N parts, from 1.
    threads: images that are run at a time; None for the number of cores.
    cache_megabytes: most memory for the activations before a layer.
  """

  pipeline_config_path: str
  checkpoint: str
  output: str
  granularity: str = prunables_lib.FILTER
  ratios: Sequence[float] = RATIOS
  metric: str = evaluator.METRICS[0]
  importance: str = 'l1'
  num_examples: Optional[int] = None
  recalibrate: int = 0
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()
  shard: Tuple[int, int] = (1, 1)
  threads: Optional[int] = None
  cache_megabytes: int = 2048

  def check(self) -> 'Request':
    """Returns itself, or raises `InputError`."""
    prunables_lib.check_granularity(self.granularity)
    for field, value, allowed in (
      ('metric', self.metric, evaluator.METRICS),
      ('importance', self.importance, prunables_lib.IMPORTANCES),
    ):
      if value not in allowed:
        raise errors.InputError(
          f'{field} must be one of {", ".join(allowed)}, got {value!r}'
        )
    if not self.ratios:
      raise errors.InputError('ratios must name one at least')
    for ratio in self.ratios:
      if not 0 < ratio < 1:
        raise errors.InputError(f'ratios must be in (0, 1), got {ratio}')
    if self.num_examples is not None:
      checks.count('num_examples', self.num_examples)
    checks.step('recalibrate_batch_norm', self.recalibrate)
    number, count = self.shard
    if not 1 <= number <= count:
      raise errors.InputError(
        f'shard must be I/N with I from 1 to N, got {number}/{count}'
      )
    checks.count('cache_megabytes', self.cache_megabytes)
    folder = os.path.dirname(self.output) or '.'
    if not os.path.isdir(folder):
      raise errors.InputError(f'no folder {folder!r} to write the output into')
    return self


class Prepared(NamedTuple):
  """A request whose files were read and checked.

  Attributes:
    request: what is to be measured.
    config: the pipeline config.
    raw: the checkpoint by name, with the weights that are evaluated.
    tensors: the same, masks folded in.
    reader: of the evaluation data.
    examples: serialized evaluation examples.
    prunables: all of the model.
    todo: (prunable, ratio) of this shard, those that are done included.
    results: what is known already.
  """

  request: Request
  config: pipeline_pb2.TrainEvalPipelineConfig
  raw: Dict[str, np.ndarray]
  tensors: Dict[str, np.ndarray]
  reader: input_reader_pb2.InputReader
  examples: List[bytes]
  prunables: List[prunables_lib.Prunable]
  todo: List[Tuple[prunables_lib.Prunable, float]]
  results: results.Results

  @property
  def missing(self) -> List[Tuple[prunables_lib.Prunable, float]]:
    """The points that are not measured yet."""
    known = {layer.name: layer.points for layer in self.results.layers}
    return [
      (prunable, ratio)
      for prunable, ratio in self.todo
      if ratio not in known[prunable.name]
    ]


def prepare(request: Request) -> Prepared:
  """Reads all that a request names, and the points that are done.

  Raises:
    InputError: something cannot be used, or the output is of another analysis.
  """
  request.check()
  known = _known(request.output)
  config = pipeline.load(request.pipeline_config_path)
  reader = eval_inputs.reader(config)
  examples = eval_inputs.serialized(reader, request.num_examples)
  checkpoint = checkpoints.resolve(request.checkpoint)
  raw = checkpoints.read(checkpoint)
  finite.check(checkpoint, raw)
  raw = moving_averages.evaluated(config, raw, checkpoint)
  tensors = stripping.strip(raw).tensors
  network = pruning.analyze(config)
  surgery.check_fits(network.shapes, tensors)
  is_filter = request.granularity == prunables_lib.FILTER
  if is_filter:
    found = prunables_lib.filters(network, tensors, request.importance)
    model_costs = costs.of_filters(network)
  else:
    found = prunables_lib.weights(network, tensors)
    model_costs = costs.of_weights(network, found)
  chosen = prunables_lib.choose(found, request.include, request.exclude)
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
    [results.Layer(p.name, list(p.layers), p.size, {}) for p in found],
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
  return {
    path: results_file.load(path)
    for path in paths + results_file.find_parts(output)
  }


def _points(
  found: Sequence[prunables_lib.Prunable],
  chosen: Set[str],
  request: Request,
) -> List[Tuple[prunables_lib.Prunable, float]]:
  number, count = request.shard
  mine = [prunable for prunable in found if prunable.name in chosen]
  return [
    (prunable, float(ratio))
    for prunable in mine[number - 1 :: count]
    for ratio in sorted(set(request.ratios))
  ]
