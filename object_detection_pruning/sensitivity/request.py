"""What an analysis is asked for."""

import os
from typing import NamedTuple, Optional, Sequence, Tuple

from object_detection_pruning.common import checks, errors
from object_detection_pruning.evaluation import evaluator
from object_detection_pruning.sensitivity import targets

RATIOS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 10))


class Request(NamedTuple):
  """What is to be measured.

  Attributes:
    pipeline_config_path: the config, which names the evaluation data.
    checkpoint: prefix of the checkpoint, or a folder with checkpoints.
    output: JSON file to write, or to go on with.
    granularity: one of `targets.GRANULARITIES`.
    ratios: shares of each target that go.
    metric: one of `evaluator.METRICS`.
    importance: one of `targets.IMPORTANCES`; for filters.
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
  granularity: str = targets.FILTER
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
    for field, value, allowed in (
      ('granularity', self.granularity, targets.GRANULARITIES),
      ('metric', self.metric, evaluator.METRICS),
      ('importance', self.importance, targets.IMPORTANCES),
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
