"""Finds the arithmetic that normalises pictures, a constant at a time."""

from typing import List, NamedTuple, Optional, Set, Tuple

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

CHANNELS = 3
# Not division: TensorFlow multiplies by the inverse, where it can see it.
_OPS = {'Add': '+', 'AddV2': '+', 'Sub': '-', 'Mul': '*'}
_COMMUTATIVE = '+*'
_MOST_DIMENSIONS = 4


class Step(NamedTuple):
  """An operation with a constant on its right.

  Attributes:
    op: + - or *.
    values: the constant, one or one for each channel.
  """

  op: str
  values: np.ndarray


def before(
  reference: str, matcher: Matcher
) -> Optional[Tuple[str, List[Step]]]:
  """Goes back from floats to what they were cast from.

  Args:
    reference: of pictures.
    matcher: of the graph.

  Returns:
    The reference of the bytes, and the steps from them to the floats; None if
    the pictures are not cast from uint8.
  """
  steps = []  # type: List[Step]
  while True:
    found = matcher.producer(reference)
    if found is None:
      return None
    node = found[0]
    if _is_cast(node):
      return matcher.canonical(node.input[0]), steps[::-1]
    for value in data_inputs(node)[:2]:
      step = _step(node, value, matcher)
      if step is not None:
        steps.append(step)
        reference = value
        break
    else:
      return None


def after(
  node: NodeDef, index: GraphIndex, matcher: Matcher, kept: Set[str]
) -> Tuple[NodeDef, List[Step]]:
  """Goes on from pictures while the only thing done is another step.

  Returns:
    The last node, and the steps to it.
  """
  steps = []  # type: List[Step]
  while node.name not in kept:
    readers = index.consumers(node)
    step = _step(readers[0], node.name, matcher) if len(readers) == 1 else None
    if step is None:
      break
    node = readers[0]
    steps.append(step)
  return node, steps


def _is_cast(node: NodeDef) -> bool:
  return (
    node.op == 'Cast'
    and attribute(node, 'SrcT').type == tf.uint8.as_datatype_enum
    and attribute(node, 'DstT').type == tf.float32.as_datatype_enum
    and not control_inputs(node)
  )


def _step(node: NodeDef, value: str, matcher: Matcher) -> Optional[Step]:
  """What a node does to a value, if that is a step."""
  inputs = data_inputs(node)
  if node.op not in _OPS or control_inputs(node) or len(inputs) != 2:
    return None
  op = _OPS[node.op]
  value = matcher.canonical(value)
  left, right = (matcher.canonical(each) for each in inputs)
  if left == right or value not in (left, right):
    return None
  if value == right and op not in _COMMUTATIVE:
    return None
  constant = matcher.constant(left if value == right else right)
  if constant is None or constant.dtype != np.float32:
    return None
  is_of_channels = (
    constant.ndim <= _MOST_DIMENSIONS
    and constant.shape[-1:] == (CHANNELS,)
    and constant.size == CHANNELS
  )
  if constant.ndim and not is_of_channels:
    return None
  return Step(op, constant.reshape(-1))
