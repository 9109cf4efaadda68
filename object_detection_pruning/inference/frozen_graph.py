"""Runs frozen graphs as the Object Detection API's exporter writes them."""

import warnings
from typing import Dict, Iterable

import numpy as np
import tensorflow as tf
from google.protobuf import message

from object_detection_pruning.core import errors
from object_detection_pruning.inference import graph_inputs
from object_detection_pruning.inference.detector import Detector
from object_detection_pruning.sparse_ops import library, loading

_REQUIRED_OUTPUTS = (
  'num_detections',
  'detection_boxes',
  'detection_scores',
  'detection_classes',
)
_OPTIONAL_OUTPUTS = ('detection_masks',)
_VARIABLE_OPS = ('Variable', 'VariableV2', 'VarHandleOp')


class FrozenGraphDetector(Detector):
  """Runs one graph in a session of its own.

  Args:
    graph: has the inputs and outputs that the stock exporter gives it.
    graph_input: the one of its inputs that images go into.
  """

  def __init__(self, graph: tf.Graph, graph_input: graph_inputs.GraphInput):
    self._input = graph_input
    self._placeholder = graph.get_tensor_by_name(f'{graph_input.name}:0')
    self._outputs = {
      name: graph.get_tensor_by_name(f'{name}:0')
      for name in _REQUIRED_OUTPUTS + _OPTIONAL_OUTPUTS
      if name in _node_names(graph.as_graph_def())
    }
    self._session = tf.compat.v1.Session(graph=graph)

  def run(self, image: np.ndarray) -> Dict[str, np.ndarray]:
    fed = self._input.encode(image, self._placeholder.shape)
    outputs = self._session.run(self._outputs, {self._placeholder: fed})
    return {name: batch[0] for name, batch in outputs.items()}


def load(path: str) -> FrozenGraphDetector:
  """Loads a frozen detection graph.

  Args:
    path: a `GraphDef` file.

  Returns:
    The detector.

  Raises:
    errors.InputError: the file is no graph, its variables are not frozen, it
      lacks an input or output of a detection graph, or uses an op that is not
      in this TensorFlow.
  """
  graph_def = _read(path)
  graph_input = _check(path, graph_def)
  if loading.uses_sparse_ops(graph_def):
    library.load()
  graph = tf.Graph()
  with graph.as_default():
    try:
      tf.import_graph_def(graph_def, name='')
    except (ValueError, tf.errors.NotFoundError) as error:
      reason = str(error).splitlines()[0].split('. ')[0]
      raise errors.InputError(f'{path} does not load: {reason}')
  return FrozenGraphDetector(graph, graph_input)


def _read(path: str) -> tf.compat.v1.GraphDef:
  graph_def = tf.compat.v1.GraphDef()
  with open(path, 'rb') as file, warnings.catch_warnings():
    # Some garbage parses up to a point, with a warning and without nodes.
    warnings.simplefilter('ignore', RuntimeWarning)
    try:
      graph_def.ParseFromString(file.read())
    except message.DecodeError:
      graph_def.Clear()
  if not graph_def.node:
    raise errors.InputError(f'{path} is no TensorFlow graph')
  return graph_def


def _check(
  path: str, graph_def: tf.compat.v1.GraphDef
) -> graph_inputs.GraphInput:
  """Refuses what is no frozen detection graph; returns the input of one."""
  names = _node_names(graph_def)
  _refuse_missing(path, 'output', set(_REQUIRED_OUTPUTS) - names)
  found = [entry for entry in graph_inputs.INPUTS if entry.name in names]
  if not found:
    known = ' or '.join(entry.name for entry in graph_inputs.INPUTS)
    _refuse_missing(path, 'input', [known])
  variables = sum(node.op in _VARIABLE_OPS for node in graph_def.node)
  if variables:
    raise errors.InputError(
      f'{path} is not frozen: it has {variables} variables without values'
    )
  return found[0]


def _refuse_missing(path: str, what: str, missing: Iterable[str]) -> None:
  if missing:
    raise errors.InputError(
      f'{path} is no detection graph: it has no {what} '
      + ', '.join(sorted(missing))
    )


def _node_names(graph_def: tf.compat.v1.GraphDef) -> set:
  return {node.name for node in graph_def.node}
