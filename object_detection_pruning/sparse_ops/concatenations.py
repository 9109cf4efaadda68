"""Lets sparse convolutions write straight into their concatenation.

The branches of an Inception block end in a ConcatV2, which copies every one of
them. With this, each of the convolutions fills in its channels of one tensor,
which goes from one to the next.
"""

from typing import List, NamedTuple, Optional, Set

import tensorflow.compat.v1 as tf
from tensorflow.python.framework import tensor_util

from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  attribute,
  control_inputs,
  data_inputs,
  node_name,
  output_number,
  remove_nodes,
)

_CHANNEL_AXES = (3, -1)


class _Part(NamedTuple):
  """An output that is concatenated, and where it goes.

  Attributes:
    node: SparseConv2D.
    output: number of its output.
    offset: of its first channel among all.
    depth: its channels.
  """

  node: NodeDef
  output: int
  offset: int
  depth: int


def join(graph_def: GraphDef, kept: Set[str]) -> List[str]:
  """Joins the concatenations whose inputs are all of sparse convolutions.

  Those stay whose parts others read, or would wait for longer than before.

  Args:
    graph_def: a rewritten graph; it is changed.
    kept: names of nodes whose outputs stay as they are.

  Returns:
    The names of the concatenations, which are Identity nodes now.
  """
  joined = []
  axes = set()  # type: Set[str]
  index = GraphIndex(graph_def)
  for node in graph_def.node:
    parts = _parts(node, index, kept) if node.op == 'ConcatV2' else None
    order = _order(node, parts, index) if parts else None
    if order is not None:
      axes.add(node_name(data_inputs(node)[-1]))
      _chain(node, order, index)
      joined.append(node.name)
      index = GraphIndex(graph_def)
  unread = {name for name in axes if not index.consumers(index.nodes[name])}
  remove_nodes(graph_def, unread - kept)
  return joined


def _parts(
  concat: NodeDef, index: GraphIndex, kept: Set[str]
) -> Optional[List[_Part]]:
  """What is concatenated, in the order of the channels."""
  *references, axis = data_inputs(concat)
  if _constant_integer(index.nodes[node_name(axis)]) not in _CHANNEL_AXES:
    return None
  parts = []  # type: List[_Part]
  for reference in references:
    node = index.nodes[node_name(reference)]
    if node.op != 'SparseConv2D' or node.name in kept:
      return None
    if attribute(node, 'concat_depth').i or _uses(reference, index) != 1:
      return None
    output = output_number(reference)
    offset = parts[-1].offset + parts[-1].depth if parts else 0
    depth = node.attr['output_depths'].list.i[output]
    parts.append(_Part(node, output, offset, depth))
  # A convolution has no more than one output in a concatenation.
  names = {part.node.name for part in parts}
  return parts if len(names) == len(references) > 1 else None


def _constant_integer(node: NodeDef) -> Optional[int]:
  """The value of a constant, which may wait for others: `_chain` does too."""
  if node.op != 'Const':
    return None
  value = tensor_util.MakeNdarray(node.attr['value'].tensor)
  return int(value) if value.size == 1 else None


def _uses(reference: str, index: GraphIndex) -> int:
  """How many data inputs take this output."""
  source = index.nodes[node_name(reference)]
  return sum(
    node_name(other) == source.name
    and output_number(other) == output_number(reference)
    for consumer in index.consumers(source)
    for other in data_inputs(consumer)
  )


def _order(
  concat: NodeDef, parts: List[_Part], index: GraphIndex
) -> Optional[List[_Part]]:
  """The parts, each after those that it is computed from.

  None if others than the concatenation would wait for what they do not need.
  """
  names = {part.node.name for part in parts}
  needed, has_readers = {}, {}
  for name, node in ((part.node.name, part.node) for part in parts):
    needed[name] = names & _ancestors(node, index)
    readers = {consumer.name for consumer in index.consumers(node)}
    has_readers[name] = readers != {concat.name}
  # A part needs whatever those need that it needs, so it needs more than they.
  order = sorted(
    parts,
    key=lambda part: (
      len(needed[part.node.name]),
      not has_readers[part.node.name],
    ),
  )
  for i, part in enumerate(order):
    before = {other.node.name for other in order[:i]}
    if has_readers[part.node.name] and before != needed[part.node.name]:
      return None
  return order


def _chain(concat: NodeDef, order: List[_Part], index: GraphIndex) -> None:
  """Hands one tensor from part to part, and on to whoever reads the whole.

  The index is of the graph before, by whose names all of this goes.
  """
  depth = sum(part.depth for part in order)
  before = None  # type: Optional[str]
  for part in order:
    node = part.node
    waits = control_inputs(node)
    del node.input[len(data_inputs(node)) :]
    if before is not None:
      node.input.append(before)
    node.input.extend(waits)
    node.attr['num_concat'].i = 0 if before is None else 1
    node.attr['concat_output'].i = part.output
    node.attr['concat_offset'].i = part.offset
    node.attr['concat_depth'].i = depth
    _rename(node, _free_name(node.name + '/joined', index), index)
    before = f'{node.name}:{part.output}'
  axis = index.nodes[node_name(data_inputs(concat)[-1])]
  waits = control_inputs(concat) + control_inputs(axis)
  concat.op = 'Identity'
  concat.input[:] = [before] + list(dict.fromkeys(waits))
  concat.attr.clear()
  concat.attr['T'].type = tf.float32.as_datatype_enum


def _ancestors(node: NodeDef, index: GraphIndex) -> Set[str]:
  """The nodes that must run before a convolution.

  It is in no loop, where a node is its own ancestor: constants are outside of
  loops, and there are no others among its weights.
  """
  found = set()  # type: Set[str]
  queue = [node]
  while queue:
    for reference in queue.pop().input:
      name = node_name(reference)
      if name not in found:
        found.add(name)
        queue.append(index.nodes[name])
  return found


def _free_name(name: str, index: GraphIndex) -> str:
  while name in index.nodes:
    name += '_1'
  return name


def _rename(node: NodeDef, name: str, index: GraphIndex) -> None:
  """Renames a node: its old name must not give a tensor of another shape."""
  old = node.name
  for consumer in index.consumers(node):
    for i, reference in enumerate(consumer.input):
      if node_name(reference) == old:
        consumer.input[i] = reference.replace(old, name, 1)
  node.name = name
