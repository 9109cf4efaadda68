import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.reconstruction import moments


def _rows(count=200, seed=0):
  rng = np.random.RandomState(seed)
  return (
    rng.randn(count, 5).astype(np.float32) + 3,
    rng.randn(count, 2).astype(np.float32) - 1,
  )


def test_batches_add_up_to_all_rows_at_once():
  x, y = _rows()
  whole, parts = moments.Moments(5, 2), moments.Moments(5, 2)
  whole.add(x, y)
  for start in range(0, 200, 30):
    parts.add(x[start : start + 30], y[start : start + 30])
  assert parts.rows == 200
  for name in ('xx', 'xy', 'yy'):
    np.testing.assert_allclose(
      getattr(parts.sums(True), name),
      getattr(whole.sums(True), name),
      rtol=1e-3,
    )


def test_merged_parts_are_those_of_all_rows():
  x, y = _rows()
  whole, first, second = (moments.Moments(5, 2) for _ in range(3))
  whole.add(x, y)
  first.add(x[:50], y[:50])
  second.add(x[50:], y[50:])
  first.merge(second)
  np.testing.assert_allclose(
    first.sums(False).xx, whole.sums(False).xx, rtol=1e-5
  )
  assert first.rows == whole.rows


def test_centred_sums_are_of_deviations_from_means():
  x, y = _rows()
  collected = moments.Moments(5, 2)
  collected.add(x, y)
  sums = collected.sums(centred=True)
  dx, dy = x - x.mean(0), y - y.mean(0)
  np.testing.assert_allclose(sums.xx, dx.T @ dx, rtol=1e-3, atol=1e-2)
  np.testing.assert_allclose(sums.xy, dx.T @ dy, rtol=1e-3, atol=1e-2)
  np.testing.assert_allclose(sums.yy, np.square(dy).sum(0), rtol=1e-3)


def test_values_that_are_not_finite_are_refused():
  x, y = _rows(3)
  x[1, 2] = np.nan
  with pytest.raises(errors.InputError, match='not finite'):
    moments.Moments(5, 2).add(x, y)
