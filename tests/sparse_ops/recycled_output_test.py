"""Memory that outputs get again is never that of a live output."""

from multiprocessing import pool

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.sparse_ops import library, packing

# 9 MB.
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


def test_results_have_the_shape_of_their_run(run):
  for batch in (1, 3, 1, 2):
    x = np.full((batch,) + SHAPE[1:], batch, np.float32)
    result = run(x)
    assert result.shape == x.shape
    assert np.all(result == batch)


def test_sessions_side_by_side_do_not_share():
  def run_many(op, offset):
    with tf.Graph().as_default(), tf.Session() as session:
      x = tf.placeholder(tf.float32, [None] * 3 + [SHAPE[-1]])
      run = session.make_callable(op(x), [x])
      for i in range(offset, offset + 12):
        yield np.all(run(np.full(SHAPE, i, np.float32)) == i)

  with pool.ThreadPool(2) as threads:
    found = threads.starmap(
      lambda *arguments: list(run_many(*arguments)),
      [(resized, 0), (pooled, 100)],
      chunksize=1,
    )
  assert found == [[True] * 12] * 2


def test_results_outlive_their_session():
  results = []
  for i in range(3):
    with tf.Graph().as_default(), tf.Session() as session:
      results.append(session.run(pooled(tf.fill(SHAPE, float(i)))))
  assert [result.min() for result in results] == [0, 1, 2]
  assert [result.max() for result in results] == [0, 1, 2]


def part(x, factor, concat, offset, name):
  """x times a factor, as eight of the sixteen channels of a concatenation."""
  mask, values = packing.pack(factor * np.eye(8, dtype=np.float32))
  (whole,) = library.load().sparse_conv2d(
    x,
    mask,
    values,
    np.zeros(8, np.float32),
    concat,
    [],
    kernel_shape=[1, 1, 8, 8],
    output_depths=[8],
    num_outputs=1,
    strides=[1, 1],
    padding='SAME',
    concat_output=0,
    concat_offset=offset,
    concat_depth=16,
    name=name,
  )
  return whole


def concatenation():
  """The input, what its first part gives, and what its last does."""
  x = tf.placeholder(tf.float32, [None, None, None, 8])
  first = part(x, 1, [], 0, 'first')
  return x, first, part(x, 2, [first], 8, 'last')


@pytest.mark.parametrize('is_read', [False, True])
def test_parts_hand_their_memory_on_unless_others_read_it(graph, is_read):
  x, first, last = concatenation()
  trace = tf.RunMetadata()
  with tf.Session() as session:
    session.run(
      [tf.identity(last)] + [first] * is_read,
      {x: np.ones((1, 150, 150, 8))},
      tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE),
      trace,
    )
  places = {}
  for device in trace.step_stats.dev_stats:
    for node in device.node_stats:
      tensors = [output.tensor_description for output in node.output]
      places[node.node_name] = [t.allocation_description.ptr for t in tensors]
  assert (places['first'] == places['last']) == (not is_read)


def test_concatenations_side_by_side_do_not_share(graph):
  def run_one(i):
    whole = run(np.full((1, 150, 150, 8), i, np.float32))
    return np.all(whole == [i] * 8 + [2 * i] * 8)

  x, _, last = concatenation()
  with tf.Session() as session:
    run = session.make_callable(last, [x])
    with pool.ThreadPool(8) as threads:
      assert all(threads.map(run_one, range(48), chunksize=1))
