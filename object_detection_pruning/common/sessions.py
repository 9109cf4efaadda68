"""Sessions with a given number of threads.

TensorFlow makes its pools of threads once per process, as large as the first
session asks for; what later sessions ask for has no effect. So whoever relies
on a number of threads calls `size_pools` before any session is opened, in a
process of its own (`common.own_process`) where it cannot be sure to be first.
"""

import os
from typing import Optional, Tuple, Union

import tensorflow.compat.v1 as tf

_TASKS = '/proc/self/task'

# What `size_pools` has asked for, if it was first.
_pools = None  # type: Optional[Tuple[Optional[int], Optional[int]]]


def cores() -> int:
  """Gives the number of cores that this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def config(
  intra_op: Optional[int] = None,
  inter_op: Optional[int] = None,
  rewrite: bool = True,
) -> tf.ConfigProto:
  """Gives the settings of a session.

  Args:
    intra_op: threads that share the work of one op; None for as many as
      TensorFlow takes by itself. More than one change the order of sums, and
      with it the last bits of a result.
    inter_op: ops that run at a time; None for as many as TensorFlow takes.
    rewrite: whether TensorFlow may rewrite the graph before it runs it. It
      rewrites parts of a graph in another way than the whole.
  """
  result = tf.ConfigProto(
    intra_op_parallelism_threads=intra_op or 0,
    inter_op_parallelism_threads=inter_op or 0,
  )
  result.graph_options.rewrite_options.disable_meta_optimizer = not rewrite
  return result


def open_session(
  graph: Union[tf.Graph, tf.GraphDef],
  intra_op: Optional[int] = None,
  inter_op: Optional[int] = None,
  rewrite: bool = True,
) -> tf.Session:
  """Opens a session on a graph.

  Args:
    graph: a graph, or a `GraphDef`, which is imported under its own names.
    intra_op: see `config`.
    inter_op: see `config`.
    rewrite: see `config`.

  Raises:
    ValueError: TensorFlow cannot import the `GraphDef`.
    tf.errors.NotFoundError: it has an op that this TensorFlow lacks.
  """
  if not isinstance(graph, tf.Graph):
    graph_def, graph = graph, tf.Graph()
    with graph.as_default():
      tf.import_graph_def(graph_def, name='')
  return tf.Session(graph=graph, config=config(intra_op, inter_op, rewrite))


def size_pools(
  intra_op: Optional[int] = None, inter_op: Optional[int] = None
) -> bool:
  """Sizes this process's pools, for all sessions that it will ever have.

  Args:
    intra_op: threads within an op, see `config`.
    inter_op: ops at a time, see `config`.

  Returns:
    Whether the pools have these sizes; False if there were some before, whose
    size nobody knows.
  """
  global _pools
  if _pools is None:
    before = _count_threads()
    with tf.Session(graph=tf.Graph(), config=config(intra_op, inter_op)):
      started = _count_threads() - before
    # A later session starts one thread, whatever it asks for.
    if started >= (intra_op or 1) + (inter_op or 1):
      _pools = (intra_op, inter_op)
  return _pools == (intra_op, inter_op)


def pool_sizes() -> Optional[Tuple[Optional[int], Optional[int]]]:
  """Gives what `size_pools` has asked for; None if it was not first."""
  return _pools


def _count_threads() -> int:
  return len(os.listdir(_TASKS))
