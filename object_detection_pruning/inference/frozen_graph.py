"""Loads frozen graphs as the Object Detection API's exporter writes them."""

from typing import Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import graph_inputs, importing
from object_detection_pruning.inference import graph_detector
from object_detection_pruning.sparse_ops import loading

_VARIABLE_OPS = ('Variable', 'VariableV2', 'VarHandleOp')


def load(
  path: str, threads: Optional[int] = None
) -> graph_detector.GraphDetector:
  """Loads a frozen detection graph, plain or sparse.

  Args:
    path: a `GraphDef` file.
    threads: within an op, and ops at a time, see `sessions.config`.

  Returns:
    The detector.

  Raises:
    errors.InputError: the file is no graph, its variables are not frozen, it
      lacks an input or output of a detection graph, or uses an op that is not
      in this TensorFlow.
  """
  graph_def = loading.read_graph_def(path)
  graph_input = _check(path, graph_def)
  session = importing.open_session(graph_def, path, threads)
  tensor_of = session.graph.get_tensor_by_name
  names = {node.name for node in graph_def.node}
  outputs = graph_detector.REQUIRED_OUTPUTS + graph_detector.OPTIONAL_OUTPUTS
  return graph_detector.GraphDetector(
    session,
    path,
    graph_input,
    tensor_of(f'{graph_input.name}:0'),
    {name: tensor_of(f'{name}:0') for name in outputs if name in names},
  )


def _check(path: str, graph_def: tf.GraphDef) -> graph_inputs.GraphInput:
  """Refuses what is no frozen detection graph; returns the input of one."""
  names = {node.name for node in graph_def.node}
  graph_detector.refuse_missing(
    path, 'output', set(graph_detector.REQUIRED_OUTPUTS) - names
  )
  found = [entry for entry in graph_inputs.INPUTS if entry.name in names]
  if not found:
    known = ' or '.join(entry.name for entry in graph_inputs.INPUTS)
    graph_detector.refuse_missing(path, 'input', [known])
  variables = sum(node.op in _VARIABLE_OPS for node in graph_def.node)
  if variables:
    raise errors.InputError(
      f'{path} is not frozen: it has {variables} variables without values'
    )
  return found[0]
