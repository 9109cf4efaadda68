"""Sessions have the threads that were asked for, seen in the kernel's list."""

import processes
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import sessions

# TensorFlow starts this many threads beside the pools, with the first session.
_SCRIPT = """
import os
import tensorflow.compat.v1 as tf
from object_detection_pruning.common import sessions

def threads():
  return len(os.listdir('/proc/self/task'))

def started(action):
  before = threads()
  kept.append(action())
  return threads() - before

def show(*values):
  print(values)

kept = []
"""


def run(lines):
  """Runs lines in a process without sessions; gives what they print."""
  done = processes.python('-W', 'ignore', '-c', _SCRIPT + lines)
  assert done.returncode == 0, done.stderr
  return [eval(line) for line in done.stdout.splitlines()]


def test_pools_are_as_large_as_asked_for():
  sizes = [(1, 1), (5, 1), (1, 4)]
  counts = [
    run(
      f'show(started(lambda: sessions.size_pools{size}), list(kept),'
      'started(lambda: sessions.open_session(tf.Graph(), 7, 7)))'
    )[0]
    for size in sizes
  ]
  one, five_within, four_at_a_time = (count for count, _, _ in counts)
  assert five_within - one == 4
  assert four_at_a_time - one == 3
  for count, (was_first,), later in counts:
    assert was_first
    # On TensorFlow 1 its own one; none in the pools.
    assert later <= 1
    assert count >= 2


def test_pools_of_an_earlier_session_are_not_taken_for_ones_own():
  assert run("""
tf.Session().close()
show(sessions.size_pools(1, 1), sessions.size_pools(1, 1))
""") == [(False, False)]


def test_pools_that_were_sized_so_before_are_good():
  assert run("""
show(sessions.size_pools(1, 2), sessions.size_pools(1, 2))
show(sessions.size_pools(2, 2))
""") == [(True, True), (False,)]


def test_session_runs_a_graph_def_under_its_own_names():
  with tf.Graph().as_default() as graph:
    tf.constant(3.0, name='inner/three')
  with sessions.open_session(graph.as_graph_def(), 1, 1) as session:
    assert session.run('inner/three:0') == 3


@pytest.mark.parametrize('rewrite', [True, False])
def test_graph_is_rewritten_unless_it_must_not(rewrite):
  config = sessions.config(2, 3, rewrite)
  assert config.intra_op_parallelism_threads == 2
  assert config.inter_op_parallelism_threads == 3
  options = config.graph_options.rewrite_options
  assert options.disable_meta_optimizer == (not rewrite)
