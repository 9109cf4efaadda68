"""Graphs from files, imported into TensorFlow and run."""

import contextlib
from typing import Any, Dict, Iterator, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, faults, sessions

# What TensorFlow raises where it cannot build or run a graph.
FAILURES = (ValueError, TypeError, RuntimeError, tf.errors.OpError)
# Of one run. Nobody can tell from a graph whether its loops end.
most_seconds = 600


def import_graph(
  graph_def: tf.GraphDef, path: Optional[str] = None, **options: Any
) -> Any:
  """Imports a graph into the default one, nodes with the names they have.

  Args:
    graph_def: the graph.
    path: what it was read from, for the message.
    **options: of `tf.import_graph_def`.

  Raises:
    InputError: TensorFlow refuses the graph.
  """
  try:
    return tf.import_graph_def(graph_def, name='', **options)
  except FAILURES as error:
    raise errors.InputError(
      f'{path or "the graph"} does not load: {reason(error)}'
    )


def open_session(
  graph_def: tf.GraphDef,
  path: Optional[str] = None,
  threads: Optional[int] = None,
) -> tf.Session:
  """Opens a session on a graph of its own.

  Args:
    graph_def: the graph.
    path: see `import_graph`.
    threads: within an op, and ops at a time, see `sessions.config`.

  Raises:
    InputError: TensorFlow refuses the graph.
  """
  with tf.Graph().as_default() as graph:
    import_graph(graph_def, path)
  return sessions.open_session(graph, threads, threads)


@contextlib.contextmanager
def running(path: Optional[str] = None) -> Iterator[None]:
  """Turns what TensorFlow raises of a graph that it runs into one line.

  Args:
    path: what the graph was read from, for the message.

  Raises:
    InputError: the graph fails, or does not end.
  """
  try:
    yield
  except FAILURES as error:
    raise errors.InputError(
      f'{path or "the graph"} does not run: {reason(error)}'
    )


def run(
  session: tf.Session,
  fetches: Any,
  feeds: Dict[Any, Any],
  path: Optional[str] = None,
) -> Any:
  """Runs a graph once, for `most_seconds` at most.

  Args:
    session: has the graph.
    fetches: see `tf.Session.run`.
    feeds: see `tf.Session.run`.
    path: what the graph was read from, for the message.

  Raises:
    InputError: it fails, or does not end.
  """
  options = tf.RunOptions(timeout_in_ms=1000 * most_seconds)
  with running(path):
    return session.run(fetches, feeds, options)


def reason(error: Exception) -> str:
  """What TensorFlow complains of, in one line."""
  if isinstance(error, tf.errors.DeadlineExceededError):
    return f'it has not ended after {most_seconds} seconds'
  return faults.first_line(error).split('. ')[0]
