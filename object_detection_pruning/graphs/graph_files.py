"""Reads whatever file holds a graph: frozen, meta graph or SavedModel."""

import os
import warnings
from typing import List, NamedTuple, Optional

import tensorflow.compat.v1 as tf
from google.protobuf import message as message_lib
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.graphs import graph_check, op_definitions

GraphDef = tf.GraphDef
MetaGraphDef = tf.MetaGraphDef

SAVED_MODEL_FILE = 'saved_model.pb'
_META = '.meta'
_TEXT_ENDINGS = ('.pbtxt', '.prototxt')


class GraphSource(NamedTuple):
  """A graph, and where the values of its variables are.

  Attributes:
    path: what it was read from, for messages.
    graph_def: the graph.
    checkpoint: prefix of a checkpoint with the variables, or None.
    meta_graph: what a SavedModel says beside the graph (its own graph_def is
      empty), or None for another kind of file.
  """

  path: str
  graph_def: GraphDef
  checkpoint: Optional[str]
  meta_graph: Optional[MetaGraphDef]

  @property
  def signature_outputs(self) -> List[str]:
    """Names of the nodes that the signatures of a SavedModel give."""
    return self._signature_nodes('outputs')

  @property
  def signature_inputs(self) -> List[str]:
    """Names of the nodes that the signatures of a SavedModel take."""
    return self._signature_nodes('inputs')

  def _signature_nodes(self, side: str) -> List[str]:
    if self.meta_graph is None:
      return []
    tensors = [
      info.name
      for signature in self.meta_graph.signature_def.values()
      for info in getattr(signature, side).values()
    ]
    return sorted({name.split(':')[0] for name in tensors if name})


def from_checkpoint(path: str) -> GraphSource:
  """Reads the graph that was saved with a checkpoint.

  Args:
    path: a folder, whose latest checkpoint is taken, or a prefix.

  Raises:
    InputError: there is no checkpoint, or no meta graph beside it.
  """
  prefix = checkpoints.resolve(path)
  if not os.path.isfile(prefix + _META):
    raise errors.InputError(
      f'the checkpoint {prefix} has no graph: {prefix}{_META} is missing'
    )
  return read(prefix + _META)


def read(
  path: str, checkpoint: Optional[str] = None, runs: bool = False
) -> GraphSource:
  """Reads a graph, and checks it: see `graph_check`.

  Args:
    path: a frozen graph, a meta graph (the variables are taken from the
      checkpoint of the same name), a SavedModel's folder or its file.
    checkpoint: prefix of a checkpoint with the values of the variables, or a
      folder of checkpoints; None for the one that belongs to the file.
    runs: whether the graph is to be run as it is. Else it may have ops that
      this TensorFlow does not know.

  Raises:
    InputError: there is no such file, or it holds no graph that can be used.
  """
  source = _read(path, checkpoint)
  ops = op_definitions.Definitions() if runs else None
  graph_check.check(source.graph_def, source.path, ops)
  return source


def parse_frozen_graph(path: str) -> GraphDef:
  """Reads a frozen graph as it is, without a look at what is in it.

  Raises:
    InputError: the file holds no graph.
  """
  graph_def = _parse(path, GraphDef())
  if graph_def is None or not all(n.name and n.op for n in graph_def.node):
    graph_def = GraphDef()
  if not graph_def.node:
    raise errors.InputError(f'{path} is no TensorFlow graph')
  return graph_def


def parse_saved_model(path: str) -> Optional[saved_model_pb2.SavedModel]:
  """Reads a SavedModel's file as it is; None where it is none."""
  return _parse(path, saved_model_pb2.SavedModel())


def _read(path: str, checkpoint: Optional[str]) -> GraphSource:
  if not os.path.exists(path):
    raise errors.InputError(f'no such graph: {path}')
  if checkpoint is not None:
    checkpoint = checkpoints.resolve(checkpoint)
  if os.path.isdir(path):
    path = os.path.join(path, SAVED_MODEL_FILE)
    if not os.path.isfile(path):
      raise errors.InputError(
        f'the folder {os.path.dirname(path)} is no SavedModel: it has no '
        f'{SAVED_MODEL_FILE}'
      )
  if os.path.basename(path) == SAVED_MODEL_FILE:
    return _read_saved_model(path, checkpoint)
  if path.endswith(_META):
    meta_graph = _parse(path, MetaGraphDef())
    if meta_graph is None or not meta_graph.graph_def.node:
      raise errors.InputError(f'{path} is no meta graph')
    if checkpoint is None:
      checkpoint = checkpoints.resolve(path[: -len(_META)])
    return GraphSource(path, meta_graph.graph_def, checkpoint, None)
  try:
    graph_def = parse_frozen_graph(path)
  except errors.InputError:
    raise errors.InputError(
      f'{path} is no graph: neither a frozen graph (.pb, .pbtxt), nor a meta '
      'graph (.meta), nor a SavedModel'
    )
  return GraphSource(path, graph_def, checkpoint, None)


def _read_saved_model(path: str, checkpoint: Optional[str]) -> GraphSource:
  saved_model = parse_saved_model(path)
  if saved_model is None or not saved_model.meta_graphs:
    raise errors.InputError(f'{path} is no SavedModel')
  meta_graphs = list(saved_model.meta_graphs)
  if len(meta_graphs) > 1:
    serve = tf.saved_model.tag_constants.SERVING
    meta_graphs = [
      each for each in meta_graphs if list(each.meta_info_def.tags) == [serve]
    ]
    if len(meta_graphs) != 1:
      raise errors.InputError(
        f'{path} has several graphs, and not one of them is tagged serve alone'
      )
  meta_graph = meta_graphs[0]
  graph_def = GraphDef()
  graph_def.CopyFrom(meta_graph.graph_def)
  meta_graph.ClearField('graph_def')
  if checkpoint is None:
    folder = os.path.dirname(os.path.abspath(path))
    prefix = os.path.join(folder, 'variables', 'variables')
    checkpoint = prefix if os.path.exists(prefix + '.index') else None
  return GraphSource(path, graph_def, checkpoint, meta_graph)


def _parse(path: str, message: message_lib.Message):
  """Parses a file into a message; None where it is no such message."""
  with open(path, 'rb') as file, warnings.catch_warnings():
    # Protobuf only warns of a file that goes on after the message.
    warnings.simplefilter('error', RuntimeWarning)
    try:
      if path.endswith(_TEXT_ENDINGS):
        return text_format.Parse(file.read(), message)
      message.ParseFromString(file.read())
    except Exception:  # DecodeError has moved between versions.
      return None
  return message
