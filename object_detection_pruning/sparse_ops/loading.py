"""Loads sparse graphs."""

import warnings

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import library

SPARSE_OPS = frozenset(
  [
    'SparseConv2D',
    'SparseSeparableConv2D',
    'SparseMatMulBias',
    'FusedConv2D',
    'FusedDepthwiseConv2D',
    'FastPool',
    'CropResizeMaxPool',
    'FastResizeBilinear',
    'FastCast',
  ]
)


def uses_sparse_ops(graph_def: GraphDef) -> bool:
  """Whether the graph needs the op library."""
  return any(node.op in SPARSE_OPS for node in graph_def.node)


def read_graph_def(path: str) -> GraphDef:
  """Reads a frozen graph from a file.

  Raises:
    InputError: the file holds no graph.
  """
  graph_def = GraphDef()
  with open(path, 'rb') as file, warnings.catch_warnings():
    # Protobuf only warns of a file that goes on after the message.
    warnings.simplefilter('error', RuntimeWarning)
    try:
      graph_def.ParseFromString(file.read())
    except Exception as error:  # DecodeError has moved between versions.
      raise errors.InputError(f'{path} is no TensorFlow graph: {error}')
  if not graph_def.node:
    raise errors.InputError(f'{path} is no TensorFlow graph')
  return graph_def


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
  if uses_sparse_ops(graph_def):
    library.load()
  graph = tf.Graph()
  with graph.as_default():
    tf.import_graph_def(graph_def, name='')
  return graph
