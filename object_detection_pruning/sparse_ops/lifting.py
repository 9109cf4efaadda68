"""Computes outside of a loop what is the same in all of its turns.

All pictures of a batch have one shape. What follows from it in a loop over the
pictures, such as the size that they are resized to, is computed once instead.
"""

from typing import Any, Set, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
  control_inputs,
  data_inputs,
)
from object_detection_pruning.graphs.patterns import Matcher
from object_detection_pruning.sparse_ops import nodes

# Small pure ops, which cannot fail where the loop would not have run them.
_ARITHMETIC = frozenset(
  [
    'Add',
    'AddV2',
    'Cast',
    'Ceil',
    'ConcatV2',
    'Equal',
    'Floor',
    'FloorDiv',
    'Greater',
    'GreaterEqual',
    'Less',
    'LessEqual',
    'LogicalAnd',
    'LogicalNot',
    'LogicalOr',
    'Max',
    'Maximum',
    'Min',
    'Minimum',
    'Mul',
    'Pack',
    'RealDiv',
    'Round',
    'Select',
    'StridedSlice',
    'Sub',
    'Unpack',
  ]
)
_INT32 = tf.int32.as_datatype_enum


class NotLifted(Exception):
  """Says what does not follow from the shape of the pictures."""


class Lifter:
  """Makes nodes outside of a loop over pictures.

  Attributes:
    made: the nodes.
  """

  def __init__(self, index: GraphIndex, part: str, batch: str, scope: str):
    """Starts.

    Args:
      index: of the graph.
      part: reference of a picture within the loop.
      batch: reference of all pictures, [batch, height, width, channels].
      scope: what the names of new nodes start with.
    """
    self.made = []  # type: List[NodeDef]
    self._index = index
    self._matcher = Matcher(index)
    self._part = part
    self._batch = batch
    self._scope = scope
    self._lifted = {}  # type: Dict[str, str]
    self._copies = {}  # type: Dict[str, str]

  def set(self, reference: str, lifted: str) -> None:
    """Says what a tensor of the loop is outside of it."""
    self._lifted[self._matcher.canonical(reference)] = lifted

  def lift(self, reference: str) -> str:
    """The same tensor outside of the loop.

    Raises:
      NotLifted: it depends on more than the shape of a picture.
    """
    reference = self._matcher.canonical(reference)
    if reference not in self._lifted:
      self._lifted[reference] = self._lift(reference)
    return self._lifted[reference]

  def _lift(self, reference: str) -> str:
    found = self._matcher.producer(reference)
    if found is None:
      raise NotLifted(f'{reference} is not there')
    node, number = found
    value = self._matcher.constant(reference)
    if value is not None:
      return self.constant(value)
    if node.op == 'Switch':
      return self.lift(node.input[0])
    if node.op == 'Merge' and number == 0:
      return self.either(node, *[self.lift(each) for each in node.input])
    if node.op == 'Shape' and attribute(node, 'out_type').type == _INT32:
      return self._shape(node.input[0])
    if node.op not in _ARITHMETIC or control_inputs(node):
      raise NotLifted(f'{node.name} follows from more than shapes')
    if node.name not in self._copies:
      self._copies[node.name] = self._copy(node)
    copied = self._copies[node.name]
    return f'{copied}:{number}' if number else copied

  def _copy(self, node: NodeDef) -> str:
    inputs = [self.lift(each) for each in data_inputs(node)]
    copied = NodeDef()
    copied.CopyFrom(node)
    copied.attr.pop('_class', None)
    copied.name = self._name(node.op)
    del copied.input[:]
    copied.input.extend(inputs)
    self.made.append(copied)
    return copied.name

  def constant(self, value: Any) -> str:
    """A constant of a value."""
    node = nodes.constant(self._name('Const'), np.asarray(value))
    self.made.append(node)
    return node.name

  def make(
    self, op: str, *inputs: str, dtype: int = _INT32, **attributes
  ) -> str:
    """A node of a type."""
    node = nodes.make(op, self._name(op), inputs, **attributes)
    node.attr['T'].type = dtype
    self.made.append(node)
    return node.name

  def batch_shape(self, first: int, last: int) -> str:
    """Some sides of all pictures."""
    shape = self.make('Shape', self._batch, dtype=tf.uint8.as_datatype_enum)
    bounds = [self.constant(np.int32([each])) for each in (first, last, 1)]
    part = nodes.make(
      'StridedSlice', self._name('StridedSlice'), [shape, *bounds]
    )
    part.attr['T'].type = part.attr['Index'].type = _INT32
    self.made.append(part)
    return part.name

  def concat(self, *parts: str) -> str:
    """Vectors in a row."""
    axis = self.constant(np.int32(0))
    node = nodes.make(
      'ConcatV2', self._name('ConcatV2'), [*parts, axis], N=len(parts)
    )
    node.attr['T'].type = node.attr['Tidx'].type = _INT32
    self.made.append(node)
    return node.name

  def either(self, merge: NodeDef, if_false: str, if_true: str) -> str:
    """What a branch of the loop gives, out of what both would."""
    predicates = set()
    for number, reference in enumerate(merge.input):
      for predicate, output in self._switches(reference):
        predicates.add(predicate)
        if output != number:
          raise NotLifted(f'{merge.name} joins no two branches')
    if len(predicates) != 1 or len(merge.input) != 2:
      raise NotLifted(f'{merge.name} joins no two branches')
    return self.make('Select', self.lift(predicates.pop()), if_true, if_false)

  def _switches(self, reference: str) -> Set[Tuple[str, int]]:
    """The predicates that a value of a branch depends on, and how."""
    found = set()  # type: Set[Tuple[str, int]]
    seen = set()  # type: Set[str]
    queue = [reference]
    while queue:
      name, _, number = queue.pop().lstrip('^').partition(':')
      if name in seen and self._index.nodes[name].op != 'Switch':
        continue
      seen.add(name)
      node = self._index.nodes[name]
      if node.op == 'Switch':
        predicate = self._matcher.canonical(node.input[1])
        found.add((predicate, int(number or 0)))
      elif not node.input:
        raise NotLifted(f'{name} belongs to no branch')
      else:
        queue += node.input
    return found

  def _shape(self, reference: str) -> str:
    """The shape of a picture, perhaps with a batch of its own around it."""
    reference = self._matcher.canonical(reference)
    whole = reference + ' shape'
    if whole in self._lifted:
      return self._lifted[whole]
    node, _ = self._matcher.producer(reference)
    if self.is_part(reference):
      self._lifted[whole] = self.batch_shape(1, 4)
    elif (
      node.op == 'ExpandDims'
      and self._matcher.constant(node.input[1]) == 0
      and self.is_part(node.input[0])
    ):
      one = self.constant(np.int32([1]))
      self._lifted[whole] = self.concat(one, self.batch_shape(1, 4))
    else:
      raise NotLifted(f'the shape of {node.name} is not known')
    return self._lifted[whole]

  def set_shape(self, reference: str, lifted: str) -> None:
    """Says what the shape of a tensor of the loop is."""
    self._lifted[self._matcher.canonical(reference) + ' shape'] = lifted

  def is_part(self, reference: str) -> bool:
    """Whether a tensor is the picture, also in a branch."""
    found = self._matcher.producer(reference)
    while found is not None and found[0].op == 'Switch':
      found = self._matcher.producer(found[0].input[0])
    return found is not None and found[0].name == self._part

  def _name(self, op: str) -> str:
    return f'{self._scope}/{op}_{len(self.made)}'
