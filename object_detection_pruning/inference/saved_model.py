"""Loads SavedModels as the Object Detection API's exporter writes them."""

import contextlib
import os
import tempfile
from typing import Dict, Iterator, List, Optional, Tuple

import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from object_detection_pruning.common import errors, sessions
from object_detection_pruning.graphs import (
  graph_files,
  graph_inputs,
  importing,
)
from object_detection_pruning.inference import graph_detector
from object_detection_pruning.sparse_ops import loading

FILE_NAME = 'saved_model.pb'
_TAGS = [tf.saved_model.SERVING]
_SIGNATURE = 'serving_default'
_FOLDERS = ('variables', 'assets')
_INIT_COLLECTIONS = ('saved_model_main_op', 'legacy_init_op')


def read(path: str) -> meta_graph_pb2.MetaGraphDef:
  """Reads the graph that a SavedModel is served with, and checks it.

  Args:
    path: folder with `saved_model.pb`.

  Raises:
    InputError: the file is damaged, no graph in it is for serving, or that
      graph cannot be used.
  """
  content = graph_files.parse_saved_model(os.path.join(path, FILE_NAME))
  for meta_graph in content.meta_graphs if content else ():
    if set(meta_graph.meta_info_def.tags) == set(_TAGS):
      loading.check(meta_graph.graph_def, path, _run_nodes(meta_graph))
      return meta_graph
  raise errors.InputError(f'{path} is no SavedModel with the tag {_TAGS[0]}')


def open_session(
  path: str, threads: Optional[int] = None
) -> Tuple[tf.Session, meta_graph_pb2.MetaGraphDef]:
  """Loads a SavedModel into a session with a graph of its own.

  Args:
    path: folder with `saved_model.pb`.
    threads: within an op, and ops at a time, see `sessions.config`.

  Raises:
    InputError: the folder holds no SavedModel that this TensorFlow loads.
  """
  checked = read(path)
  session = sessions.open_session(tf.Graph(), threads, threads)
  try:
    with session.graph.as_default(), _folder_of(checked, path) as folder:
      meta_graph = tf.saved_model.load(session, _TAGS, folder)
  # Beside its failures, what its Python makes of damaged collections.
  except importing.FAILURES + (KeyError, AttributeError) as error:
    raise errors.InputError(f'{path} does not load: {importing.reason(error)}')
  return session, meta_graph


@contextlib.contextmanager
def _folder_of(
  meta_graph: meta_graph_pb2.MetaGraphDef, path: str
) -> Iterator[str]:
  """A SavedModel with a graph as it was checked, and the files of another."""
  with tempfile.TemporaryDirectory() as folder:
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    saved.meta_graphs.add().CopyFrom(meta_graph)
    with open(os.path.join(folder, FILE_NAME), 'wb') as file:
      file.write(saved.SerializeToString())
    for name in _FOLDERS:
      if os.path.isdir(os.path.join(path, name)):
        os.symlink(
          os.path.abspath(os.path.join(path, name)), os.path.join(folder, name)
        )
    yield folder


def _run_nodes(meta_graph: meta_graph_pb2.MetaGraphDef) -> List[str]:
  """Names the nodes that are run for results, or when the model is loaded."""
  tensors = [
    info.name
    for signature in meta_graph.signature_def.values()
    for info in signature.outputs.values()
  ]
  for key in _INIT_COLLECTIONS:
    if key in meta_graph.collection_def:
      tensors += meta_graph.collection_def[key].node_list.value
  return [name.split(':')[0] for name in tensors]


def load(
  path: str, threads: Optional[int] = None
) -> graph_detector.GraphDetector:
  """Loads a detector from a SavedModel.

  Args:
    path: folder with `saved_model.pb`.
    threads: within an op, and ops at a time, see `sessions.config`.

  Raises:
    InputError: as for `open_session`, or it is no detector.
  """
  session, meta_graph = open_session(path, threads)
  signatures = meta_graph.signature_def
  if _SIGNATURE not in signatures:
    raise errors.InputError(f'{path} has no signature {_SIGNATURE}')
  signature = signatures[_SIGNATURE]
  missing = set(graph_detector.REQUIRED_OUTPUTS) - set(signature.outputs)
  graph_detector.refuse_missing(path, 'output', missing)
  graph_input, name = _input_of(path, signature.inputs)
  outputs = graph_detector.REQUIRED_OUTPUTS + graph_detector.OPTIONAL_OUTPUTS
  tensor_of = session.graph.get_tensor_by_name
  try:
    found = {
      output: tensor_of(signature.outputs[output].name)
      for output in outputs
      if output in signature.outputs
    }
    placeholder = tensor_of(name)
  except (ValueError, KeyError) as error:
    raise errors.InputError(
      f'{path} is damaged: its signature {_SIGNATURE} names what is not there: '
      + importing.reason(error)
    )
  return graph_detector.GraphDetector(
    session, path, graph_input, placeholder, found
  )


def _input_of(
  path: str, inputs: Dict[str, meta_graph_pb2.TensorInfo]
) -> Tuple[graph_inputs.GraphInput, str]:
  if len(inputs) == 1:
    (info,) = inputs.values()
    for known in graph_inputs.INPUTS:
      if info.name == f'{known.name}:0':
        return known, info.name
  known = ' or '.join(entry.name for entry in graph_inputs.INPUTS)
  graph_detector.refuse_missing(path, 'input', [known])
  raise AssertionError('unreachable')
