"""What a user asks of pruning without training."""

from typing import NamedTuple, Sequence

from object_detection_pruning.common import checks
from object_detection_pruning.core import vocabulary
from object_detection_pruning.reconstruction import allocation as allocations
from object_detection_pruning.reconstruction import granularity as granularities

WEIGHTS = 'weights'
MACS = 'macs'
TARGETS = (WEIGHTS, MACS)


class Request(NamedTuple):
  """Settings of a run.

  Attributes:
    sparsity: share of the weights, or of the multiply-adds, that goes.
    target: what the share is of.
    allocation: how it is spread over layers; one of allocation.ALLOCATIONS.
    granularity: pattern of the zeros; one of granularity.GRANULARITIES.
    include: patterns of layers to prune; all if there is none.
    exclude: patterns of layers to leave dense.
    min_weights: smaller kernels stay dense.
    max_rows: positions that are looked at in a layer, over all photos.
    focus: how much positions count by what they matter to the predictions, in
      [0, 1].
    ridge: pull of the weights to their dense values.
    refit_dense: whether kernels that stay dense are refitted as well.
  """

  sparsity: float
  target: str = WEIGHTS
  allocation: str = vocabulary.LeastCost.form
  granularity: str = vocabulary.Weight.form
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()
  min_weights: int = 1000
  max_rows: int = 40000
  focus: float = 0.0
  ridge: float = 1e-3
  refit_dense: bool = True

  def check(self) -> 'Request':
    """Returns itself, or raises `InputError` for a value out of range."""
    checks.sparsity('sparsity', self.sparsity)
    checks.count('min_weights', self.min_weights)
    checks.count('max_rows', self.max_rows)
    self.way.check_pattern(self.pattern)
    return self

  @property
  def pattern(self) -> granularities.Granularity:
    """The granularity."""
    return granularities.find(self.granularity)

  @property
  def way(self) -> allocations.Allocation:
    """The allocation."""
    return allocations.find(self.allocation)
