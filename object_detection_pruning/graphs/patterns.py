"""Says what a part of a graph must look like, and finds what is special in it.

A pattern is made of `node`, `constant`, `anything` and `same`, and is matched
from an output back to its inputs. Identities are seen through. It is strict:
each data input must match, each attribute that is named, and nothing waits for
anything but assertions; dropping those changes no result.
"""

from typing import Any, Callable, Optional, Sequence, Tuple, Union

import numpy as np
from tensorflow.python.framework import tensor_util

from object_detection_pruning.graphs.graph_index import (
  GraphIndex,
  NodeDef,
  attribute,
  control_inputs,
  data_inputs,
  node_name,
  output_number,
)


class Matcher:
  """Matches patterns against one graph.

  Attributes:
    found: what `anything` and `constant` came to stand for, by name: references
      in the form of `canonical`, and arrays.
  """

  def __init__(self, index: GraphIndex):
    self._index = index
    self.found = {}  # type: Dict[str, Any]

  def match(self, pattern: 'Pattern', reference: str) -> bool:
    """Whether a tensor is computed as the pattern says."""
    return pattern(self, reference)

  def canonical(self, reference: str) -> str:
    """The tensor behind identities: `name`, or `name:number` but for 0."""
    while True:
      name, number = node_name(reference), output_number(reference)
      node = self._index.nodes.get(name)
      if node is None or node.op != 'Identity' or control_inputs(node):
        return f'{name}:{number}' if number else name
      reference = node.input[0]

  def producer(self, reference: str) -> Optional[Tuple[NodeDef, int]]:
    """The node behind identities, and which of its outputs it is."""
    reference = self.canonical(reference)
    node = self._index.nodes.get(node_name(reference))
    return None if node is None else (node, output_number(reference))

  def constant(self, reference: str) -> Optional[np.ndarray]:
    """The value of a constant, also of one in a loop."""
    found = self.producer(reference)
    if found is None or found[0].op != 'Const':
      return None
    if not self._index.waits_for_loop_only(found[0]):
      return None
    return tensor_util.MakeNdarray(found[0].attr['value'].tensor)

  def waits_for_nothing(self, node: NodeDef) -> bool:
    """Whether nothing but assertions must run before a node."""
    for reference in control_inputs(node):
      before = self._index.nodes.get(node_name(reference))
      if before is None or before.op != 'Assert':
        return False
    return True


Pattern = Callable[[Matcher, str], bool]


def anything(name: str) -> Pattern:
  """Any tensor; the same one each time that the name comes up."""

  def matches(matcher: Matcher, reference: str) -> bool:
    reference = matcher.canonical(reference)
    return matcher.found.setdefault(name, reference) == reference

  return matches


def same(wanted: str) -> Pattern:
  """The tensor of a reference."""

  def matches(matcher: Matcher, reference: str) -> bool:
    return matcher.canonical(reference) == matcher.canonical(wanted)

  return matches


def constant(wanted: Union[str, float, Sequence[float]]) -> Pattern:
  """A constant of a value; or of any, the same each time, under a name."""

  def matches(matcher: Matcher, reference: str) -> bool:
    value = matcher.constant(reference)
    if value is None:
      return False
    expected = wanted
    if isinstance(wanted, str):
      expected = matcher.found.setdefault(wanted, value)
    return bool(np.array_equal(value, expected))

  return matches


def node(
  ops: str, *inputs: Pattern, output: int = 0, **attributes: Any
) -> Pattern:
  """An output of an op.

  Args:
    ops: its name; or names that mean the same here, with spaces between.
    *inputs: patterns of its data inputs.
    output: which output it is.
    **attributes: integers and lists of them that its attributes must have; one
      that it does not have is 0, or empty.
  """

  def matches(matcher: Matcher, reference: str) -> bool:
    producer = matcher.producer(reference)
    if producer is None or producer[1] != output:
      return False
    found = producer[0]
    references = data_inputs(found)
    return (
      found.op in ops.split()
      and len(references) == len(inputs)
      and matcher.waits_for_nothing(found)
      and all(
        _value(found, name, wanted) == wanted
        for name, wanted in attributes.items()
      )
      and all(map(matcher.match, inputs, references))
    )

  return matches


def first_of(*patterns: Pattern) -> Pattern:
  """What matches one of some patterns."""

  def matches(matcher: Matcher, reference: str) -> bool:
    before = dict(matcher.found)
    for pattern in patterns:
      if matcher.match(pattern, reference):
        return True
      matcher.found = dict(before)
    return False

  return matches


def both(*patterns: Pattern) -> Pattern:
  """What matches each of some patterns."""

  def matches(matcher: Matcher, reference: str) -> bool:
    return all(matcher.match(pattern, reference) for pattern in patterns)

  return matches


def _value(found: NodeDef, name: str, wanted: Any) -> Any:
  value = attribute(found, name)
  if isinstance(wanted, bool):
    return value.b
  return list(value.list.i) if isinstance(wanted, list) else int(value.i)
