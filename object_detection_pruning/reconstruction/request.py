"""What a user asks of pruning without training."""

from typing import NamedTuple, Sequence

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import vocabulary
from object_detection_pruning.reconstruction import allocation as allocations
from object_detection_pruning.reconstruction import granularity as granularities
from object_detection_pruning.reconstruction import survey as surveys

WEIGHTS = 'weights'
MACS = 'macs'
LATENCY = 'latency'
TARGETS = (WEIGHTS, MACS, LATENCY)


class Request(NamedTuple):
  """Settings of a run.

  Attributes:
    sparsity: share that goes.
    target: what it is a share of, in all layers that are pruned: their weights,
      their multiply-adds, or the time that they take on one thread.
    allocation: how it is spread over layers; one of allocation.ALLOCATIONS.
    granularity: pattern of the zeros; one of granularity.GRANULARITIES.
    include: patterns of layers to prune; all if there is none.
    exclude: patterns of layers to leave dense.
    min_weights: smaller kernels stay dense.
    max_rows: positions that are looked at in a layer, over all photos.
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
  ridge: float = 1e-3
  refit_dense: bool = True

  def check(self) -> 'Request':
    """Returns itself, or raises `InputError` for a value out of range."""
    checks.sparsity('sparsity', self.sparsity)
    checks.count('min_weights', self.min_weights)
    checks.count('max_rows', self.max_rows)
    self.way.check_pattern(self.pattern)
    most = self.most_sparsity
    if self._needs_curves and self.sparsity > most:
      raise errors.InputError(
        f'no allocation takes away {self.sparsity:.1%}: at most {most:.0%} can '
        f'go, with each layer at its highest sparsity; allocation '
        f'{vocabulary.Uniform.form} of {WEIGHTS} has no such bound'
      )
    return self

  @property
  def needs_survey(self) -> bool:
    """Whether shares of zeros follow from a look at the dense network."""
    return bool(self.sparsity) and self._needs_curves

  @property
  def most_sparsity(self) -> float:
    """The largest share of zeros, in whole percents, that can be asked for."""
    return surveys.LEVELS[-1] if self._needs_curves else 0.99

  @property
  def _needs_curves(self) -> bool:
    is_plain = (
      isinstance(self.way, allocations.Uniform) and self.target == WEIGHTS
    )
    return self.pattern.fixed_sparsity is None and not is_plain

  @property
  def pattern(self) -> granularities.Granularity:
    """The granularity."""
    return granularities.find(self.granularity)

  @property
  def way(self) -> allocations.Allocation:
    """The allocation."""
    return allocations.find(self.allocation)
