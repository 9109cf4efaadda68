"""How the zeros of a target sparsity are divided among layers.

`ALLOCATIONS` lists the ways. Layers that a `LayerSparsity` names have a target
of their own, and the others share what the target asks of them.
"""

from typing import List, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import (
  choices,
  granularity,
  layer_patterns,
  thresholds,
  vocabulary,
)

# Of scores that are sampled. A prime, so that a sample has all channels.
_STRIDE = 251


class LayerSparsity(NamedTuple):
  """A target sparsity of its own for the layers that a pattern is found in."""

  layer: str
  target_sparsity: float


class Layer(NamedTuple):
  """A kernel that zeros are planned for.

  Attributes:
    name: of its layer.
    shape: of the kernel.
    pattern: of its mask.
    view: shape that the pattern sees; that of the kernel if None.
  """

  name: str
  shape: Sequence[int]
  pattern: granularity.Granularity
  view: Optional[Sequence[int]] = None

  @property
  def size(self) -> int:
    """Number of weights."""
    return int(np.prod(self.shape))

  def zeros_for(self, sparsity: float) -> int:
    """Gives the number of zeros that the pattern can have, nearest to it."""
    return self.pattern.zeros_for(sparsity, self.view or self.shape)

  def zeros_from(self, count: int) -> int:
    """Gives the fewest zeros that the pattern can have from a number on.

    Raises:
      InputError: it cannot have as many.
    """
    zeros = self.pattern.zeros_from(count, self.view or self.shape)
    if zeros is None:
      most = self.pattern.most(self.view or self.shape)
      raise errors.InputError(
        f'the mask of {self.name} begins with {count} zeros of {self.size}, '
        f'and with granularity {self.pattern} it can have {most}: '
        'take another granularity, or exclude the layer'
      )
    return zeros

  def most(self, max_sparsity: float) -> int:
    """Gives the most zeros up to a sparsity; one weight stays at least."""
    most = self.pattern.most(self.view or self.shape)
    return min(most, int(max_sparsity * self.size), self.size - 1)


class Allocation(vocabulary.Division):
  """A way to divide zeros among layers.

  Attributes:
    needs_scores: whether it looks at the weights; it does so anew at each
      update then.
    takes_bound: whether `max_layer_sparsity` means anything to it.
    max_layer_sparsity: no layer gets a greater sparsity.
  """

  needs_scores = False
  takes_bound = True
  max_layer_sparsity = 1.0

  def check(self, target: float, pattern: granularity.Granularity) -> None:
    """Checks that it can divide the zeros of a target, or raises."""
    self.check_pattern(pattern)
    if target > self.max_layer_sparsity:
      raise errors.InputError(
        f'target_sparsity must be {self.max_layer_sparsity} '
        f'(max_layer_sparsity) at most with allocation {self}, got {target}'
      )

  def sparsities(self, target: float, layers: Sequence[Layer]) -> List[float]:
    """Gives each layer its sparsity at the end; for what needs no scores.

    Args:
      target: sparsity of all layers together, in [0, 1).
      layers: those that share it.

    Raises:
      InputError: the layers cannot have as many zeros.
    """
    raise NotImplementedError

  def zeros(
    self,
    sparsity: float,
    layers: Sequence[Layer],
    scores: Optional[Sequence[np.ndarray]] = None,
  ) -> List[int]:
    """Gives each layer its number of zeros.

    Args:
      sparsity: of all layers together, in [0, 1).
      layers: those that share it.
      scores: float32 arrays in the shape of each kernel, if they are needed.

    Raises:
      InputError: the layers cannot have as many zeros.
    """
    return [
      layer.zeros_for(share)
      for layer, share in zip(layers, self.sparsities(sparsity, layers))
    ]

  def total(self, sparsity: float, layers: Sequence[Layer]) -> int:
    """Gives the number of zeros of all layers together.

    Raises:
      InputError: the layers cannot have as many.
    """
    size = sum(layer.size for layer in layers)
    total = thresholds.zeros_for(sparsity, size)
    most = sum(layer.most(self.max_layer_sparsity) for layer in layers)
    if total > most:
      raise errors.InputError(
        f'target_sparsity must be {most / max(1, size):.4f} at most for these '
        f'layers with allocation {self}, got {sparsity}'
      )
    return total


class Uniform(vocabulary.Uniform, Allocation):
  takes_bound = False

  def sparsities(self, target: float, layers: Sequence[Layer]) -> List[float]:
    return [target] * len(layers)


class ErdosRenyiKernel(vocabulary.ErdosRenyiKernel, Allocation):
  """Kept weights in proportion to the sides of a kernel (Evci et al. 2020).

  A layer that would keep more weights than it has stays dense, and the others
  make up for it.
  """

  def sparsities(self, target: float, layers: Sequence[Layer]) -> List[float]:
    sizes = np.array([layer.size for layer in layers], np.int64)
    most = [layer.most(self.max_layer_sparsity) for layer in layers]
    kept = spread(
      np.array([sum(layer.shape) for layer in layers], np.float64),
      sizes - np.array(most, np.int64),
      sizes,
      int(sizes.sum()) - self.total(target, layers),
    )
    return ((sizes - kept) / np.maximum(sizes, 1)).tolist()


class Global(vocabulary.Global, Allocation):
  """The lowest scores of all layers together, wherever they are.

  Each update looks at the weights anew. No layer gets sparser than
  `max_layer_sparsity`, lest one that has small weights be cut off.
  """

  needs_scores = True
  max_layer_sparsity = 0.99

  def check(self, target: float, pattern: granularity.Granularity) -> None:
    if pattern != granularity.Weight():
      raise errors.InputError(
        f'allocation {self} ranks single weights, so granularity must be '
        f'{granularity.Weight.form}, got {pattern}'
      )
    super().check(target, pattern)

  def zeros(
    self,
    sparsity: float,
    layers: Sequence[Layer],
    scores: Optional[Sequence[np.ndarray]] = None,
  ) -> List[int]:
    left = self.total(sparsity, layers)
    bits = [_ordered_bits(array) for array in scores]
    zeros = [layer.most(self.max_layer_sparsity) for layer in layers]
    free = list(range(len(layers)))
    while free:
      found = _count_lowest([bits[number] for number in free], left)
      # Who would get more than its bound gets that; the others share the rest.
      bound = {n for n, count in zip(free, found) if count > zeros[n]}
      if not bound:
        for number, count in zip(free, found):
          zeros[number] = count
        break
      left -= sum(zeros[number] for number in bound)
      free = [number for number in free if number not in bound]
    return zeros


ALLOCATIONS = (Uniform, ErdosRenyiKernel, Global)


def find(text: str, max_layer_sparsity: Optional[float] = None) -> Allocation:
  """Gives the way that a text stands for.

  Args:
    text: one of the forms.
    max_layer_sparsity: the bound for a single layer, in (0, 1); None for that
      of the way.

  Raises:
    InputError: it is none of them, or takes no such bound.
  """
  found = choices.find('allocation', text, ALLOCATIONS, vocabulary.DIVISIONS)
  if max_layer_sparsity is None:
    return found
  checks.sparsity('max_layer_sparsity', max_layer_sparsity)
  if not found.takes_bound:
    raise errors.InputError(
      f'max_layer_sparsity has no meaning with allocation {found}, '
      f'got {max_layer_sparsity}'
    )
  found.max_layer_sparsity = max_layer_sparsity
  return found


def check(layer_sparsities: Sequence[LayerSparsity]) -> None:
  """Raises `InputError` for a broken pattern or a sparsity out of range."""
  layer_patterns.check(
    'layer_sparsity.layer', [entry.layer for entry in layer_sparsities]
  )
  for entry in layer_sparsities:
    checks.sparsity(f'layer_sparsity of {entry.layer!r}', entry.target_sparsity)


def spread(
  weights: np.ndarray, least: np.ndarray, most: np.ndarray, total: int
) -> np.ndarray:
  """Divides a number in proportion to weights, within bounds.

  Args:
    weights: float64 [n], above 0.
    least: int64 [n], what each gets at least.
    most: int64 [n], what each gets at most.
    total: what is divided, between the sums of both.

  Returns:
    int64 [n], whose sum is `total`.
  """
  low, high = 0.0, float((most / weights).max()) + 1
  # As many halvings as a double has bits, and some.
  for _ in range(100):
    middle = (low + high) / 2
    if np.clip(middle * weights, least, most).sum() < total:
      low = middle
    else:
      high = middle
  shares = np.clip(high * weights, least, most)
  whole = np.clip(np.floor(shares).astype(np.int64), least, most)
  # The largest remainders are rounded up; a double may err by one or two more.
  while whole.sum() != total:
    step = 1 if whole.sum() < total else -1
    gaps = np.where(
      whole < most if step > 0 else whole > least,
      step * (shares - whole),
      -np.inf,
    )
    order = np.argsort(-gaps, kind='stable')[: abs(total - int(whole.sum()))]
    whole[order[np.isfinite(gaps[order])]] += step
  return whole


def _ordered_bits(scores: np.ndarray) -> np.ndarray:
  """Gives scores as a vector of int32, as `thresholds.ordered_bits` does."""
  bits = scores.ravel().astype(np.float32, copy=False).view(np.int32)
  if bits.min() >= 0:
    return bits
  return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))


def _count_lowest(pools: Sequence[np.ndarray], total: int) -> List[int]:
  """Counts how many of the lowest numbers of all pools each pool has.

  Args:
    pools: int32 vectors.
    total: how many are counted. Of equal numbers those of the first pools are.

  Returns:
    Of each pool; their sum is `total`.
  """
  if not total:
    return [0] * len(pools)
  threshold = _of_rank(pools, total)
  counts = [np.count_nonzero(pool < threshold) for pool in pools]
  left = total - sum(counts)
  for number, pool in enumerate(pools):
    if not left:
      break
    taken = min(left, np.count_nonzero(pool == threshold))
    counts[number] += taken
    left -= taken
  return counts


def _of_rank(pools: Sequence[np.ndarray], rank: int) -> int:
  """Gives the number of a rank (1 is the smallest) among those of all pools.

  A sample tells about where it lies, and only the few numbers there are put in
  order. Where the sample misleads, all are.
  """
  sample = np.concatenate([pool[::_STRIDE] for pool in pools])
  sample.sort()
  last = len(sample) - 1
  place = last * rank // sum(len(pool) for pool in pools)
  # Four standard deviations of the place of a median, by chance.
  margin = 2 * int(len(sample) ** 0.5) + 1
  low = sample[max(place - margin, 0)]
  high = sample[min(place + margin, last)]
  before = sum(np.count_nonzero(pool < low) for pool in pools)
  near = np.concatenate(
    [pool[(pool >= low) & (pool <= high)] for pool in pools]
  )
  if not before < rank <= before + len(near):
    before, near = 0, np.concatenate(pools)
  index = rank - before - 1
  near.partition(index)
  return near[index]
