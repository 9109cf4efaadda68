"""Who feeds whom in a GraphDef, and what its constants hold."""

import collections
from typing import Callable, Container, List, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.python.framework import tensor_util

from object_detection_pruning.graphs import importing, op_definitions

NodeDef = tf.NodeDef
GraphDef = tf.GraphDef
_COLOCATION = 'loc:@'


def node_name(reference: str) -> str:
  """The node of an input reference: `^a` and `a:1` are of node `a`."""
  return reference.lstrip('^').split(':')[0]


def output_number(reference: str) -> int:
  """Which output of its node a data input takes: 0 for `a`, 1 for `a:1`."""
  _, _, number = reference.partition(':')
  return int(number or 0)


def is_control(reference: str) -> bool:
  """Whether a reference says only that its node runs before."""
  return reference.startswith('^')


def same_tensor(reference: str, node: NodeDef) -> bool:
  """Whether a reference is to the first output of a node."""
  return reference in (node.name, node.name + ':0')


def attribute(node: NodeDef, name: str) -> AttrValue:
  """An attribute, its default, or an empty one where it has none."""
  # Looking it up by [] would add it.
  return (
    node.attr[name]
    if name in node.attr
    else op_definitions.default(node.op, name)
  )


class GraphIndex:
  """Looks things up in a graph that does not change meanwhile."""

  def __init__(self, graph_def: GraphDef):
    self._graph_def = graph_def
    self._graph = None  # type: Optional[tf.Graph]
    self.nodes = {node.name: node for node in graph_def.node}  # type: Dict[str, NodeDef]
    self._consumers = collections.defaultdict(list)  # type: Dict[str, List[NodeDef]]
    for node in graph_def.node:
      for name in {node_name(reference) for reference in node.input}:
        self._consumers[name].append(node)

  def consumers(self, node: NodeDef) -> List[NodeDef]:
    """The nodes that take any output of this one, or wait for it."""
    return self._consumers[node.name]

  def producer(self, reference: str) -> Optional[NodeDef]:
    """The node behind a data input, if it is its first output."""
    node = self.nodes.get(node_name(reference))
    if node is None or not same_tensor(reference, node):
      return None
    return node

  def waits_for_loop_only(self, node: NodeDef) -> bool:
    """Whether a node waits for nothing but its loop, or branch, to run it."""
    for reference in control_inputs(node):
      before = self.nodes.get(node_name(reference))
      if before is None or before.op != 'Identity':
        return False
      switch = self.nodes.get(node_name(before.input[0]))
      if switch is None or switch.op != 'Switch':
        return False
    return True

  def static_shape(self, name: str) -> Optional[List[Optional[int]]]:
    """The shape of a node's first output, as far as TensorFlow infers it."""
    if self._graph is None:
      self._graph = tf.Graph()
      with self._graph.as_default():
        importing.import_graph(self._graph_def)
    shape = self._graph.get_tensor_by_name(name + ':0').shape
    return None if shape.ndims is None else shape.as_list()

  def constant(self, reference: str) -> Optional[np.ndarray]:
    """The value of a constant input, seen through identities, or None."""
    node = self.constant_node(reference)
    if node is None:
      return None
    return tensor_util.MakeNdarray(node.attr['value'].tensor)

  def constant_node(self, reference: str) -> Optional[NodeDef]:
    """The constant behind an input, seen through identities, or None."""
    node = self.producer(reference)
    while node is not None and node.op == 'Identity':
      if control_inputs(node):
        return None
      node = self.producer(node.input[0])
    if node is None or node.op != 'Const' or control_inputs(node):
      return None
    return node


def remove_nodes(graph_def: GraphDef, names: Container[str]) -> None:
  """Takes nodes out of a graph, in place."""
  for position in reversed(range(len(graph_def.node))):
    if graph_def.node[position].name in names:
      del graph_def.node[position]


def drop_colocations(node: NodeDef, is_gone: Callable[[str], bool]) -> None:
  """Drops wishes of a node to stand on the device of nodes that are gone."""
  if '_class' not in node.attr:
    return
  wishes = [wish.decode() for wish in node.attr['_class'].list.s]
  left = [
    wish
    for wish in wishes
    if not (wish.startswith(_COLOCATION) and is_gone(wish[len(_COLOCATION) :]))
  ]
  del node.attr['_class']
  if left:
    node.attr['_class'].list.s.extend(wish.encode() for wish in left)


def data_inputs(node: NodeDef) -> List[str]:
  """The inputs that carry tensors."""
  return [reference for reference in node.input if not is_control(reference)]


def control_inputs(node: NodeDef) -> List[str]:
  """The inputs that say only what runs before."""
  return [reference for reference in node.input if is_control(reference)]
