"""Graphs as both stacks read them, whichever has written them.

A TensorFlow refuses a whole graph for one op or one attribute that it does not
know. Newer ones add attributes whose default is what older ones do, so they
are left out where they are at their default.
"""

import os

from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow.python.framework import meta_graph

from object_detection_pruning.common import atomic_files
from object_detection_pruning.graphs import older_ops
from object_detection_pruning.graphs.graph_index import GraphDef


def portable(graph_def: GraphDef) -> GraphDef:
  """Gives a graph that computes the same and that older TensorFlow reads.

  Args:
    graph_def: not changed; ops that TensorFlow does not know stay as they are.
  """
  holder = meta_graph_pb2.MetaGraphDef()
  holder.graph_def.CopyFrom(graph_def)
  _make_portable(holder)
  return holder.graph_def


def serialized(graph_def: GraphDef) -> bytes:
  """Gives the content of a file, for every graph that is written.

  Equal graphs give equal bytes.
  """
  return portable(graph_def).SerializeToString(deterministic=True)


def rewrite_frozen_graph(path: str) -> None:
  """Makes the file of a frozen graph portable."""
  with open(path, 'rb') as file:
    graph_def = GraphDef.FromString(file.read())
  atomic_files.write(path, serialized(graph_def))


def rewrite_saved_model(folder: str) -> None:
  """Makes the graphs of a SavedModel portable."""
  path = os.path.join(folder, 'saved_model.pb')
  with open(path, 'rb') as file:
    saved = saved_model_pb2.SavedModel.FromString(file.read())
  for each in saved.meta_graphs:
    _make_portable(each)
  atomic_files.write(path, saved.SerializeToString())


def _make_portable(holder: meta_graph_pb2.MetaGraphDef) -> None:
  older_ops.replace(holder.graph_def)
  meta_graph.strip_graph_default_valued_attrs(holder)
