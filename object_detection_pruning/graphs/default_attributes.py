"""Attributes that hold what an op takes anyway, left out of what is written.

A TensorFlow that does not know an attribute refuses the whole graph. Newer
ones add attributes whose default is what older ones do, so a graph without
those that are at their default is one that older ones read as well.
"""

import os

from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow.python.framework import meta_graph

from object_detection_pruning.common import atomic_files
from object_detection_pruning.graphs.graph_index import GraphDef


def without(graph_def: GraphDef) -> GraphDef:
  """Gives a graph without the attributes that are at their default.

  Args:
    graph_def: not changed; its ops that TensorFlow does not know keep theirs.
  """
  holder = meta_graph_pb2.MetaGraphDef()
  holder.graph_def.CopyFrom(graph_def)
  meta_graph.strip_graph_default_valued_attrs(holder)
  return holder.graph_def


def drop_in_frozen_graph(path: str) -> None:
  """Rewrites the file of a frozen graph without such attributes."""
  with open(path, 'rb') as file:
    graph_def = GraphDef.FromString(file.read())
  atomic_files.write(path, without(graph_def).SerializeToString())


def drop_in_saved_model(folder: str) -> None:
  """Rewrites the graphs of a SavedModel without such attributes."""
  path = os.path.join(folder, 'saved_model.pb')
  with open(path, 'rb') as file:
    saved = saved_model_pb2.SavedModel.FromString(file.read())
  for each in saved.meta_graphs:
    meta_graph.strip_graph_default_valued_attrs(each)
  atomic_files.write(path, saved.SerializeToString())
