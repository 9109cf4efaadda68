"""What this TensorFlow knows of its ops."""

from typing import List, Optional

import tensorflow.compat.v1 as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.core.framework.attr_value_pb2 import AttrValue

NodeDef = tf.NodeDef
OpDef = op_def_pb2.OpDef
ArgDef = OpDef.ArgDef
AttrDef = OpDef.AttrDef

# From the number of a type to that of references to it.
_REF_OFFSET = 100
# Those of the room `sparse_ops`, which loads their library.
SPARSE_OPS = (
  'CropResizeMaxPool',
  'FastCast',
  'FastPool',
  'FastResizeBilinear',
  'FusedConv2D',
  'FusedDepthwiseConv2D',
  'MultiClassNonMaxSuppression',
  'ResizeNormalizePicture',
  'SparseConv2D',
  'SparseMatMulBias',
  'SparseSeparableConv2D',
)
# Ops that libraries add, for whoever has a graph with them.
_LIBRARIES = (
  (
    SPARSE_OPS,
    'the sparse ops, so name the graph that the sparse one was made of',
  ),
  (('TRTEngineOp',), 'TensorRT'),
  (('TFLite_',), 'TFLite, which has files of its own'),
  (('edgetpu-',), 'the Edge TPU'),
  (('Addons>',), 'TensorFlow Addons'),
  (('IO>',), 'TensorFlow I/O'),
  (('TPU', 'Xla'), 'TPUs and XLA'),
)


class Definitions:
  """Looks ops up; keeps what it has found."""

  def __init__(self):
    self._graph = tf.Graph()
    self._found = {}  # type: Dict[str, OpDef]

  def find(self, op: str) -> Optional[OpDef]:
    """The definition of an op; None where TensorFlow has none."""
    found = self._found.get(op)
    if found is None:
      found = self._look_up(op)
      # A library that is loaded later may bring the ops that are missing.
      if found is not None:
        self._found[op] = found
    return found

  def _look_up(self, op: str) -> Optional[OpDef]:
    # TensorFlow 2 has given it another name.
    look_up = getattr(self._graph, 'op_def_for_type', None)
    look_up = look_up or self._graph._get_op_def
    try:
      return look_up(op)
    except (tf.errors.NotFoundError, RuntimeError):
      return None


def library_of(op: str) -> Optional[str]:
  """The library that brings an op, as far as is known here."""
  for starts, library in _LIBRARIES:
    if op.startswith(starts):
      return library
  return None


KNOWN = Definitions()


def default(op: str, name: str) -> AttrValue:
  """The value that an op has for an attribute that a node leaves out.

  Args:
    op: type of the node.
    name: of the attribute.

  Returns:
    Its default; an empty value where it has none, or the op is not known.
  """
  definition = KNOWN.find(op)
  for each in definition.attr if definition else ():
    if each.name == name:
      return each.default_value
  return AttrValue()


def attribute(node: NodeDef, definition: AttrDef) -> AttrValue:
  """An attribute of a node, or its default where the node has none."""
  if definition.name in node.attr:
    return node.attr[definition.name]
  return definition.default_value


def argument_types(
  node: NodeDef, definition: OpDef, arguments: List[ArgDef]
) -> List[int]:
  """The numbers of the types of all inputs or outputs of a node.

  Args:
    node: its attributes are of the right types.
    definition: of its op.
    arguments: inputs or outputs of that.
  """
  values = {each.name: attribute(node, each) for each in definition.attr}
  types: List[int] = []
  for argument in arguments:
    if argument.type_list_attr:
      found = list(values[argument.type_list_attr].list.type)
    else:
      one = argument.type or values[argument.type_attr].type
      repeats = argument.number_attr
      found = [one] * (values[repeats].i if repeats else 1)
    types += [ref_of(each) if argument.is_ref else each for each in found]
  return types


def ref_of(dtype: int) -> int:
  """The number of the type of references to a type."""
  return dtype if dtype > _REF_OFFSET else dtype + _REF_OFFSET


def fits(given: int, taken: int) -> bool:
  """Whether an output of one type goes into an input of another."""
  if taken > _REF_OFFSET:
    return given == taken
  return given % _REF_OFFSET == taken
