"""Mask and weights of a kernel, chosen together.

The alternating direction method of multipliers splits "small error" from "only
so many nonzeros": one step solves the first with a pull to the other's result,
the next keeps the largest weights, and a running sum of their difference makes
them agree. The number of weights that are kept falls from round to round. See
Boza, Fast and Effective Weight Update for Pruned Large Language Models, 2024,
and Meng et al., ALPS, 2024.
"""

from typing import List, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.reconstruction import granularity as granularities
from object_detection_pruning.reconstruction import least_squares


class Settings(NamedTuple):
  """Of the search.

  Attributes:
    rounds: alternations.
    rho: how hard the two halves pull at each other, against inputs of unit mean
      square.
    falling: share of the rounds over which the number of weights falls.
  """

  rounds: int = 30
  rho: float = 1.0
  falling: float = 0.85


class Solver:
  """Searches masks of one kernel; what it factorises serves them all."""

  def __init__(
    self,
    problem: least_squares.Problem,
    shape: granularities.Shape,
    granularity: granularities.Granularity,
    settings: Optional[Settings] = None,
  ):
    """Factorises the problem."""
    self._shape, self._granularity = shape, granularity
    self._settings = settings or Settings()
    self.problem = problem
    # Which output a weight belongs to matters as much as its size does.
    self._weights = np.sqrt(problem.output_weights).astype(np.float32)
    gram = problem.gram
    rho = self._settings.rho
    regular = gram.copy()
    regular[np.diag_indices(len(gram))] += rho
    inverse = np.linalg.inv(regular)
    del regular
    self._start = (inverse @ problem.target).astype(np.float32)
    self._inverse = inverse.astype(np.float32)
    del inverse
    self._dense = problem.dense().astype(np.float32)

  def mask(self, sparsity: float) -> np.ndarray:
    """Finds a mask.

    Args:
      sparsity: share of zeros in [0, 1]; ignored where the pattern sets it.

    Returns:
      bool [rows, outputs].
    """
    rho = np.float32(self._settings.rho)
    rounds = self._settings.rounds
    weights = self._dense.copy()
    dual = np.zeros_like(weights)
    kept = None
    for number in range(1, rounds + 1):
      part = min(1.0, number / (rounds * self._settings.falling))
      candidate = weights + dual
      kept = self._keep(candidate, sparsity * (1 - (1 - part) ** 3), part >= 1)
      sparse = np.where(kept, candidate, np.float32(0))
      dual = candidate - sparse
      weights = self._start + rho * (self._inverse @ (sparse - dual))
    return kept

  def _keep(self, candidate, sparsity, final) -> np.ndarray:
    scores = np.square(candidate * self._weights)
    choose = self._granularity.mask if final else self._granularity.loose_mask
    return choose(scores, self._shape, sparsity)

  def curve(self, sparsities: Sequence[float]) -> List[np.ndarray]:
    """Follows one search through growing shares of zeros.

    It is quicker than a search for each of them, and the refit is not carried
    to its end, so errors are a little high.

    Args:
      sparsities: shares of zeros, growing.

    Returns:
      Mean square error of each output, [outputs], at each share.
    """
    rho = np.float32(self._settings.rho)
    weights, dual = self._dense.copy(), np.zeros_like(self._dense)
    found, before = [], 0.0
    for sparsity in sparsities:
      for part in (0.4, 0.7, 0.9, 1.0):
        candidate = weights + dual
        kept = self._keep(
          candidate, before + part * (sparsity - before), part == 1
        )
        sparse = np.where(kept, candidate, np.float32(0))
        dual = candidate - sparse
        weights = self._start + rho * (self._inverse @ (sparse - dual))
      before = sparsity
      kernel = self.problem.improve(sparse, kept)
      found.append(self.problem.errors(kernel))
    return found
