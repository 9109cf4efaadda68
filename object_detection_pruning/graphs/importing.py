"""Graphs from files, imported into TensorFlow and run."""

from typing import Any, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

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


def run_options() -> tf.RunOptions:
  """Options of a run that ends, if with an error after `most_seconds`."""
  return tf.RunOptions(timeout_in_ms=1000 * most_seconds)


def reason(error: Exception) -> str:
  """What TensorFlow complains of, in one line."""
  if isinstance(error, tf.errors.DeadlineExceededError):
    return f'it has not ended after {most_seconds} seconds'
  text = error.message if isinstance(error, tf.errors.OpError) else str(error)
  lines = (text or '').strip().splitlines() or [type(error).__name__]
  return lines[0].split('. ')[0]
