import numpy as np
import pytest

from object_detection_pruning.reconstruction import least_squares, moments


def _problem(x, kernel, ridge=0.0, output_weights=None):
  collected = moments.Moments(x.shape[1], kernel.shape[1])
  collected.add(x, x @ kernel)
  return least_squares.Problem(
    collected.sums(centred=False), kernel, ridge, output_weights
  )


def _inputs(rows=300, inputs=8, seed=0):
  return np.random.RandomState(seed).randn(rows, inputs)


def _kernel(inputs=8, outputs=5, seed=1):
  return np.random.RandomState(seed).randn(inputs, outputs)


def test_a_full_mask_gives_the_dense_kernel_back():
  x, kernel = _inputs(), _kernel()
  fitted = _problem(x, kernel).fit(np.ones(kernel.shape, bool))
  np.testing.assert_allclose(fitted, kernel, atol=1e-6)


def test_the_fit_is_the_least_squares_solution_on_its_support():
  x, kernel = _inputs(), _kernel()
  x[:, 3] += x[:, 2]
  mask = np.random.RandomState(2).rand(*kernel.shape) > 0.5
  fitted = _problem(x, kernel).fit(mask)
  assert not fitted[~mask].any()
  for output in range(kernel.shape[1]):
    kept = mask[:, output]
    expected = np.linalg.lstsq(x[:, kept], x @ kernel[:, output], rcond=None)[0]
    np.testing.assert_allclose(fitted[kept, output], expected, atol=1e-5)


def test_outputs_that_keep_the_same_inputs_are_solved_together(monkeypatch):
  x, kernel = _inputs(), _kernel()
  mask = np.ones(kernel.shape, bool)
  mask[3, [1, 4]] = False
  mask[:, 2] = False
  solved = []
  solve = np.linalg.solve

  def counted(matrix, target):
    solved.append(target.shape)
    return solve(matrix, target)

  monkeypatch.setattr(np.linalg, 'solve', counted)
  fitted = _problem(x, kernel).fit(mask)
  assert sorted(solved) == [(7, 2), (8, 2)]
  assert not fitted[~mask].any()
  np.testing.assert_allclose(fitted[:, [0, 3]], kernel[:, [0, 3]], atol=1e-6)


def test_linearly_dependent_inputs_are_taken_out_without_loss():
  x, kernel = _inputs(), _kernel()
  x[:, 7] = x[:, 1] - 2 * x[:, 4]
  mask = np.ones(kernel.shape, bool)
  mask[7] = False
  problem = _problem(x, kernel)
  fitted = problem.fit(mask)
  np.testing.assert_allclose(x @ fitted, x @ kernel, atol=1e-5)
  assert problem.relative_error(fitted) < 1e-9


def test_dependent_inputs_that_all_stay_do_not_break_the_solution():
  x, kernel = _inputs(), _kernel()
  x[:, 7] = x[:, 1]
  x[:, 5] = 0
  fitted = _problem(x, kernel).fit(np.ones(kernel.shape, bool))
  np.testing.assert_allclose(x @ fitted, x @ kernel, atol=1e-5)


def test_the_error_is_that_of_the_outputs():
  x, kernel = _inputs(), _kernel()
  other = kernel + np.random.RandomState(3).randn(*kernel.shape)
  difference = np.square(x @ other - x @ kernel)
  problem = _problem(x, kernel)
  np.testing.assert_allclose(
    problem.errors(other), difference.mean(0), rtol=1e-6
  )
  assert problem.relative_error(other) == pytest.approx(
    difference.sum() / np.square(x @ kernel).sum()
  )


def test_an_error_counts_as_its_output_does():
  x, kernel = _inputs(), _kernel(outputs=2)
  other = kernel.copy()
  other[:, 1] = 0
  weighted = _problem(x, kernel, output_weights=np.array([1.0, 0.0]))
  assert weighted.relative_error(other) == pytest.approx(0, abs=1e-12)
  weighted = _problem(x, kernel, output_weights=np.array([0.0, 1.0]))
  assert weighted.relative_error(other) == pytest.approx(1)


def test_a_ridge_pulls_to_the_dense_kernel():
  # Two rows say nothing of most directions.
  x, kernel = _inputs(rows=2), _kernel()
  fitted = _problem(x, kernel, ridge=1e-3).fit(np.ones(kernel.shape, bool))
  np.testing.assert_allclose(fitted, kernel, atol=1e-5)


def test_some_steps_come_near_the_exact_fit():
  x, kernel = _inputs(inputs=30), _kernel(inputs=30)
  mask = np.random.RandomState(2).rand(*kernel.shape) > 0.5
  problem = _problem(x, kernel)
  start = np.where(mask, problem.dense(), 0)
  best = problem.errors(problem.fit(mask)).sum()
  before = problem.errors(start / problem.scale[:, np.newaxis]).sum()
  after = problem.errors(problem.improve(start, mask, 10)).sum()
  assert best <= after * 1.000001
  assert after - best < 0.01 * (before - best)
