"""Single nodes of a graph from a file: their attributes and inputs."""

import re
from typing import Dict, Iterable, List, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import (
  attribute_check,
  graph_index,
  op_definitions,
)
from object_detection_pruning.graphs.attribute_check import shown
from object_detection_pruning.graphs.graph_index import NodeDef

_NAME = re.compile(r'[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$')
_REFERENCE = re.compile(r'(?P<name>[^:^]+)(?::(?P<output>0|[1-9][0-9]*))?$')
_CPU = re.compile(
  r'(/job:localhost)?(/replica:0)?(/task:0)?(/device:CPU:0|/cpu:0|/CPU:0)$'
)
# For graphs that are not run: what of them is known is checked all the same.
_KNOWN = op_definitions.KNOWN


def by_name(nodes: Iterable[NodeDef]) -> Dict[str, NodeDef]:
  """Nodes by name; refuses names that are none, or of two nodes."""
  found: Dict[str, NodeDef] = {}
  for node in nodes:
    if not _NAME.match(node.name):
      refuse(node, 'this is no name for a node')
    if node.name in found:
      refuse(node, 'another node has the same name')
    found[node.name] = node
  return found


def check(
  node: NodeDef,
  ops: Optional[op_definitions.Definitions],
  functions: Dict[str, op_definitions.OpDef],
  in_function: bool = False,
) -> Optional[op_definitions.OpDef]:
  """Checks a node by itself; gives what its op is, where that is known."""
  if not _CPU.match(node.device):
    node.device = ''
  known = ops or _KNOWN
  definition = functions.get(node.op) or known.find(node.op)
  if definition is None:
    if ops is None:
      return None
    library = op_definitions.library_of(node.op)
    refuse(
      node,
      f'its op belongs to {library}'
      if library
      else f'TensorFlow {tf.__version__} does not know its op',
    )
  try:
    attribute_check.check(node, definition, functions, in_function)
    if (
      node.op == 'Const'
      and not in_function
      and node.attr['value'].tensor.dtype != node.attr['dtype'].type
    ):
      raise errors.InputError('attributes dtype and value differ in type')
  except errors.InputError as error:
    refuse(node, str(error))
  return definition


def check_inputs(
  node: NodeDef,
  nodes: Dict[str, NodeDef],
  definitions: Dict[str, Optional[op_definitions.OpDef]],
  outputs: Dict[str, Optional[List[int]]],
) -> None:
  """Checks that all inputs are there, in number and of the right types."""
  given: List[Optional[int]] = []
  waits = False
  for reference in node.input:
    is_control = graph_index.is_control(reference)
    if waits and not is_control:
      refuse(
        node, f'its input {shown(reference)} comes after nodes to wait for'
      )
    waits = waits or is_control
    match = _REFERENCE.match(reference[1:] if is_control else reference)
    producer = nodes.get(match.group('name')) if match else None
    if producer is None or (is_control and match.group('output')):
      refuse(node, f'its input {shown(reference)} is not there')
    if is_control:
      continue
    output = int(match.group('output') or 0)
    types = outputs[producer.name]
    if types is None:
      given.append(None)
      continue
    if output >= len(types):
      refuse(
        node,
        f'its input {shown(reference)} is not there: {producer.name} has '
        f'{len(types)} outputs',
      )
    given.append(types[output])
  definition = definitions[node.name]
  if definition is None:
    return
  wanted = op_definitions.argument_types(node, definition, definition.input_arg)
  if len(wanted) != len(given):
    refuse(node, f'it must have {len(wanted)} inputs, got {len(given)}')
  for position, (have, want) in enumerate(zip(given, wanted)):
    if have is not None and not op_definitions.fits(have, want):
      refuse(
        node,
        f'its input {shown(node.input[position])} is of the type '
        f'{tf.as_dtype(have).name}, and must be {tf.as_dtype(want).name}',
      )


def check_reshape(node: NodeDef, nodes: Dict[str, NodeDef]) -> None:
  """Refuses a division by zero, of which TensorFlow's importer dies.

  Args:
    node: of any op; it and those before it have the inputs that they must have,
      and none depends on itself.
    nodes: all, by name.
  """
  if node.op != 'Reshape':
    return
  shape = nodes[graph_index.node_name(node.input[1])]
  while shape.op == 'Identity':
    shape = nodes[graph_index.node_name(shape.input[0])]
  if shape.op == 'Const':
    sizes = set(tf.make_ndarray(shape.attr['value'].tensor).flat)
    if {0, -1} <= sizes:
      refuse(node, f'its shape, {shape.name}, has both 0 and -1')


def refuse(node: NodeDef, what: str) -> None:
  """Raises an `InputError` that names a node."""
  raise errors.InputError(f'node {shown(node.name)} ({shown(node.op)}): {what}')
