"""Loads sparse graphs."""

from typing import Iterable, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import (
  graph_check,
  graph_files,
  importing,
  op_definitions,
)
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import library


def uses_sparse_ops(graph_def: GraphDef) -> bool:
  """Whether the graph needs the op library."""
  return any(node.op in op_definitions.SPARSE_OPS for node in graph_def.node)


def read_graph_def(path: str) -> GraphDef:
  """Reads a frozen graph from a file, and checks that it can be run.

  Raises:
    InputError: the file holds no graph, or one that cannot be used; or it has
      sparse ops, and the op library cannot be built.
  """
  graph_def = graph_files.parse_frozen_graph(path)
  check(graph_def, path)
  return graph_def


def check(
  graph_def: GraphDef, path: str, runs: Optional[Iterable[str]] = None
) -> None:
  """Checks a graph that may have sparse ops, see `graph_check.check`.

  Args:
    graph_def: the graph; see there for what is changed in it.
    path: what it was read from, for messages.
    runs: names of nodes that are run; None for all.

  Raises:
    InputError: says what is wrong.
  """
  if uses_sparse_ops(graph_def):
    library.load()
  graph_check.check(graph_def, path, op_definitions.Definitions(), runs)


def load_sparse_graph(path: str) -> tf.Graph:
  """Loads a frozen graph, with the sparse ops known to TensorFlow.

  Args:
    path: a graph that `export_sparse_graph` wrote; a plain one works as well.

  Returns:
    The graph, ready for a session.

  Raises:
    InputError: the file holds no graph, or the op library cannot be built.
  """
  graph_def = read_graph_def(path)
  graph = tf.Graph()
  with graph.as_default():
    importing.import_graph(graph_def, path)
  return graph
