"""Threads that share the work without changing its results.

Each op runs on one thread: where several share an op, the order of its sums,
and with it the last bits, depends on how many there are. The graph is not
rewritten either, since that is done in another way where it is cut.
"""

import concurrent.futures
import os
from typing import Optional

import tensorflow.compat.v1 as tf


def cores() -> int:
  """Gives the number of cores that this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def session_config(threads: Optional[int]) -> tf.ConfigProto:
  """Configures a session that is called from as many threads."""
  result = tf.ConfigProto(
    intra_op_parallelism_threads=1,
    inter_op_parallelism_threads=threads or cores(),
  )
  result.graph_options.rewrite_options.disable_meta_optimizer = True
  return result


def pool(threads: Optional[int]) -> concurrent.futures.ThreadPoolExecutor:
  """Makes the threads that call a session; None for the number of cores."""
  return concurrent.futures.ThreadPoolExecutor(threads or cores())
