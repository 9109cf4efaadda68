"""Runs commands and sees on how many threads they run their networks.

What is seen is the kernel's list of threads, when a process opens its first
session: then TensorFlow makes its pools, for as long as the process lives.
"""

import collections
import functools
import json
import os
import tempfile

import processes

# As many as no command asks for by itself, whatever the machine.
EARLIER = (5, 3)
_OBSERVER = os.path.join(processes.TESTS, 'observer')
_SESSION = """
import tensorflow.compat.v1 as tf
tf.Session(graph=tf.Graph(), config=tf.ConfigProto(
  intra_op_parallelism_threads={}, inter_op_parallelism_threads={})).close()
"""
_COMMAND = """
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)
"""
_RUN = """
graph = tf.Graph()
with graph.as_default():
  product = tf.matmul([[1.0]], [[1.0]])
tf.Session(graph=graph).run(product)
"""


def after_a_session(module, *arguments):
  """Runs a command in a process that has had a session with `EARLIER` threads.

  Returns:
    The completed process, and by (process, session) the number of runs of
    a network and of the threads that the process's first session started.
  """
  return _python(
    _SESSION.format(*EARLIER) + _COMMAND, module, *map(str, arguments)
  )


@functools.lru_cache(maxsize=None)
def started(intra_op, inter_op):
  """How many threads a first session that asks for these starts."""
  _, runs = _python(_SESSION.format(intra_op, inter_op) + _RUN)
  ((_, count),) = runs.values()
  return count


def _python(code, *arguments):
  with tempfile.NamedTemporaryFile('r') as log:
    done = processes.python(
      '-W',
      'ignore',
      '-c',
      code,
      *arguments,
      POOLS_LOG=log.name,
      PYTHONPATH=os.pathsep.join(
        [_OBSERVER, processes.environment()['PYTHONPATH']]
      ),
      # The test suite has it at 1, which hides what a command does.
      TF_NUM_INTRAOP_THREADS='0',
      TF_NUM_INTEROP_THREADS='0',
    )
    lines = [json.loads(line) for line in log]
  counts = collections.Counter((line['pid'], line['session']) for line in lines)
  threads = {line['pid']: line['started'] for line in lines}
  return done, {
    (pid, session): (count, threads[pid])
    for (pid, session), count in counts.items()
  }
