"""Loads SavedModels as the Object Detection API's exporter writes them."""

import os
import warnings
from typing import Dict, Optional, Tuple

import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from object_detection_pruning.common import errors, sessions
from object_detection_pruning.graphs import graph_inputs
from object_detection_pruning.inference import graph_detector
from object_detection_pruning.sparse_ops import library, loading

FILE_NAME = 'saved_model.pb'
_TAGS = [tf.saved_model.SERVING]
_SIGNATURE = 'serving_default'


def read(path: str) -> meta_graph_pb2.MetaGraphDef:
  """Reads the graph that a SavedModel is served with.

  Args:
    path: folder with `saved_model.pb`.

  Raises:
    InputError: the file is damaged, or no graph in it is for serving.
  """
  content = saved_model_pb2.SavedModel()
  with open(
    os.path.join(path, FILE_NAME), 'rb'
  ) as file, warnings.catch_warnings():
    # Protobuf only warns of a file that goes on after the message.
    warnings.simplefilter('error', RuntimeWarning)
    try:
      content.ParseFromString(file.read())
    except Exception:  # Which one depends on the version of protobuf.
      content.Clear()
  for meta_graph in content.meta_graphs:
    if set(meta_graph.meta_info_def.tags) == set(_TAGS):
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
  if loading.uses_sparse_ops(read(path).graph_def):
    library.load()
  session = sessions.open_session(tf.Graph(), threads, threads)
  try:
    with session.graph.as_default():
      meta_graph = tf.saved_model.load(session, _TAGS, path)
  except (ValueError, RuntimeError, tf.errors.OpError) as error:
    reason = str(error).splitlines()[0].split('. ')[0]
    raise errors.InputError(f'{path} does not load: {reason}')
  return session, meta_graph


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
  return graph_detector.GraphDetector(
    session,
    graph_input,
    tensor_of(name),
    {
      output: tensor_of(signature.outputs[output].name)
      for output in outputs
      if output in signature.outputs
    },
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
