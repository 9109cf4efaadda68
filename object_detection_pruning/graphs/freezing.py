"""Variables of a graph turned into constants, without running anything."""

import collections
from typing import Callable, Dict, List

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import graph_index
from object_detection_pruning.graphs.graph_index import GraphDef, NodeDef

_RESOURCE_VARIABLE = 'VarHandleOp'
_VARIABLES = ('Variable', 'VariableV2', _RESOURCE_VARIABLE)
# A control-flow op on references has one on values beside it.
_REFERENCE_OPS = {
  'Ref' + op: op
  for op in (
    'Enter',
    'Exit',
    'Identity',
    'Merge',
    'NextIteration',
    'Select',
    'Switch',
  )
}
_HANDLE_PASSING_OPS = ('Enter', 'Identity', 'Switch')
_WRITING_PREFIXES = (
  'Apply',
  'Assign',
  'CountUpTo',
  'ResourceApply',
  'ResourceScatter',
  'ResourceSparse',
  'Scatter',
  'SparseApply',
)


def variables(graph_def: GraphDef) -> List[NodeDef]:
  """Lists the nodes that are variables."""
  return [node for node in graph_def.node if node.op in _VARIABLES]


def writes(node: NodeDef) -> bool:
  """Whether a node changes a variable."""
  return node.op.startswith(_WRITING_PREFIXES)


def freeze(graph_def: GraphDef, value: Callable[[str], np.ndarray]) -> None:
  """Makes each variable a constant, in place.

  Args:
    graph_def: a graph without nodes that its outputs do not need.
    value: gives the value of a variable by its name.

  Raises:
    InputError: something in the graph writes a variable, or reads one in a way
      that constants do not have.
  """
  found = variables(graph_def)
  if not found:
    return
  consumers: Dict[str, List[NodeDef]] = collections.defaultdict(list)
  for node in graph_def.node:
    for reference in graph_index.data_inputs(node):
      consumers[graph_index.node_name(reference)].append(node)
    if node.op in _REFERENCE_OPS:
      node.op = _REFERENCE_OPS[node.op]
  for variable in found:
    for consumer in consumers[variable.name]:
      if writes(consumer):
        raise errors.InputError(
          f'{consumer.name}, which the outputs depend on, writes the variable '
          f'{variable.name}: take the outputs of an inference graph'
        )
    if variable.op == _RESOURCE_VARIABLE:
      _read_directly(variable.name, variable.attr['dtype'].type, consumers)
    _freeze_variable(variable, value(variable.name))


def constants(graph_def: GraphDef) -> Dict[str, np.ndarray]:
  """Gives the float32 constants of a graph by the name of their node."""
  return {
    node.name: tf.make_ndarray(node.attr['value'].tensor)
    for node in graph_def.node
    if node.op == 'Const' and node.attr['dtype'].type == tf.float32
  }


def set_constant(node: NodeDef, array: np.ndarray) -> None:
  """Turns a node into a constant without inputs."""
  tensor = tf.make_tensor_proto(array)
  name, device = node.name, node.device
  node.Clear()
  node.name, node.device, node.op = name, device, 'Const'
  node.attr['dtype'].type = tensor.dtype
  node.attr['value'].tensor.CopyFrom(tensor)


def with_constants(
  graph_def: GraphDef, values: Dict[str, np.ndarray]
) -> GraphDef:
  """Copies a graph, with constants in the place of some nodes.

  Args:
    graph_def: the graph; not changed.
    values: of these nodes, by name; a name that is not in the graph is none.
  """
  copied = GraphDef()
  copied.CopyFrom(graph_def)
  for node in copied.node:
    if node.name in values:
      set_constant(node, values[node.name])
  return copied


def _freeze_variable(node: NodeDef, array: np.ndarray) -> None:
  shape = tf.TensorShape(node.attr['shape'].shape)
  dtype = tf.as_dtype(node.attr['dtype'].type)
  if not shape.is_compatible_with(array.shape):
    raise errors.InputError(
      f'variable {node.name} is {shape} in the graph and '
      f'{tf.TensorShape(array.shape)} in the checkpoint'
    )
  set_constant(node, array.astype(dtype.as_numpy_dtype, copy=False))


def _read_directly(
  name: str, dtype: int, consumers: Dict[str, List[NodeDef]]
) -> None:
  """Gives what read a variable through its handle the value itself."""
  for node in consumers[name]:
    if node.op == 'ReadVariableOp':
      node.op = 'Identity'
      del node.attr['dtype']
    elif node.op in _HANDLE_PASSING_OPS:
      _read_directly(node.name, dtype, consumers)
    else:
      raise errors.InputError(
        f'{node.name} ({node.op}) reads the variable {name} in a way that '
        'constants do not have'
      )
    node.attr['T'].type = dtype
