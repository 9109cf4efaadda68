"""Memory that outputs get again is never that of a live output."""

from multiprocessing import pool

import numpy as np
import pytest
import tensorflow as tf

from object_detection_pruning.sparse_ops import library

# 9 MB of outputs, and of inputs for the pool.
SHAPE = (1, 12, 12, 16384)


def resized(x):
  return library.load().fast_resize_bilinear(x, output_size=[12, 12])


def pooled(x):
  return library.load().fast_pool(
    x,
    method='max',
    kernel_size=[1, 1],
    strides=[1, 1],
    padding='VALID',
  )


@pytest.fixture(params=[resized, pooled])
def run(request):
  """Runs an op that gives its input as it is, in one session for all calls."""
  with tf.Graph().as_default(), tf.Session() as session:
    x = tf.placeholder(tf.float32, [None] * 3 + [SHAPE[-1]])
    yield session.make_callable(request.param(x), [x])


def test_results_outlive_the_runs_that_follow(run):
  results = [run(np.full(SHAPE, i, np.float32)) for i in range(4)]
  for i, result in enumerate(results):
    assert np.all(result == i)


def test_runs_side_by_side_do_not_share(run):
  def run_one(i):
    return np.all(run(np.full(SHAPE, i, np.float32)) == i)

  with pool.ThreadPool(8) as threads:
    assert all(threads.map(run_one, range(48), chunksize=1))


def test_memory_of_another_shape_is_not_taken(run):
  for batch in (1, 3, 1, 2):
    x = np.full((batch,) + SHAPE[1:], batch, np.float32)
    result = run(x)
    assert result.shape == x.shape
    assert np.all(result == batch)
