import itertools

import numpy as np
import pytest

from object_detection_pruning.reconstruction import (
  admm,
  granularity,
  least_squares,
  moments,
)


def _problem(inputs=24, outputs=10, seed=0, output_weights=None):
  rng = np.random.RandomState(seed)
  x = rng.randn(400, inputs) @ rng.randn(inputs, inputs)
  kernel = rng.randn(inputs, outputs)
  collected = moments.Moments(inputs, outputs)
  collected.add(x, x @ kernel)
  problem = least_squares.Problem(
    collected.sums(False), kernel, 1e-6, output_weights
  )
  return problem, kernel


def _solver(problem, pattern=None):
  inputs, outputs = problem.target.shape
  return admm.Solver(
    problem,
    granularity.Shape(1, inputs, outputs),
    pattern or granularity.Weight(),
  )


@pytest.mark.parametrize('text', ['weight', 'channel', '2:4', '4x2'])
def test_its_mask_loses_less_than_that_of_the_largest_weights(text):
  pattern = granularity.find(text)
  for seed in range(3):
    problem, kernel = _problem(seed=seed)
    shape = granularity.Shape(1, *kernel.shape)
    largest = pattern.mask(np.square(kernel), shape, 0.5)
    mask = _solver(problem, pattern).mask(0.5)
    assert mask.sum() == largest.sum()
    searched = problem.relative_error(problem.fit(mask))
    refitted = problem.relative_error(problem.fit(largest))
    assert searched < refitted
    plain = problem.relative_error(np.where(largest, kernel, 0))
    assert searched < 0.5 * plain


def test_it_comes_near_the_best_of_all_masks():
  problem, _ = _problem(inputs=8, outputs=1)
  best = min(
    problem.relative_error(
      problem.fit(np.isin(np.arange(8), kept)[:, np.newaxis])
    )
    for kept in itertools.combinations(range(8), 4)
  )
  found = problem.relative_error(problem.fit(_solver(problem).mask(0.5)))
  assert found <= 1.5 * best


def test_outputs_that_matter_keep_more_weights():
  weights = np.ones(10)
  weights[:5] = 100.0
  problem, _ = _problem(output_weights=weights)
  mask = _solver(problem).mask(0.6)
  assert mask[:, :5].sum() > 1.5 * mask[:, 5:].sum()


def test_the_curve_rises_and_stays_near_single_searches():
  problem, _ = _problem()
  levels = [0.3, 0.5, 0.7, 0.9]
  curve = [errors.sum() for errors in _solver(problem).curve(levels)]
  assert curve == sorted(curve)
  for level, error in zip(levels, curve):
    alone = problem.errors(problem.fit(_solver(problem).mask(level))).sum()
    assert error == pytest.approx(alone, rel=0.5)
