"""Attributes of nodes: of the right type, allowed, and known."""

import math
from typing import Iterable, Optional

from tensorflow.core.framework import types_pb2
from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import op_definitions, tensor_check
from object_detection_pruning.graphs.graph_index import NodeDef

_FIELDS = {
  'string': 's',
  'int': 'i',
  'float': 'f',
  'bool': 'b',
  'type': 'type',
  'shape': 'shape',
  'tensor': 'tensor',
  'func': 'func',
}
_LIST = 'list('
# Of a function's own attributes, which a caller fills in.
_PLACEHOLDER = 'placeholder'
# Of one argument; more tensors would take all memory.
_MOST_TENSORS = 1 << 16
# Defaults, other than nothing, of attributes that newer TensorFlow writes.
_NEWER_DEFAULTS = {
  'exponential_avg_factor': AttrValue(f=1.0),
  'leakyrelu_alpha': AttrValue(f=0.2),
  'use_inter_op_parallelism': AttrValue(b=True),
}
_TYPES = frozenset(types_pb2.DataType.values()) - {types_pb2.DT_INVALID}
_MOST_SHOWN = 60
_NAMES = ('container', 'shared_name')


def check(
  node: NodeDef,
  definition: op_definitions.OpDef,
  functions: Iterable[str] = (),
  in_function: bool = False,
) -> None:
  """Checks the attributes of a node.

  Those that this TensorFlow does not know are dropped, in place, where they
  hold what they do by default: newer ones write them.

  Args:
    node: a node.
    definition: of its op, or of the function that it calls.
    functions: names of those that attributes may name.
    in_function: whether a caller may fill attributes in.

  Raises:
    InputError: says which attribute is wrong, and how.
  """
  known = {each.name: each for each in definition.attr}
  for name in sorted(set(node.attr) - set(known)):
    if name.startswith('_'):
      _check_content(name, node.attr[name], functions)
    elif is_default(name, node.attr[name]):
      del node.attr[name]
    else:
      raise errors.InputError(
        f'attribute {shown(name)} is {shown(node.attr[name])}, and this '
        'TensorFlow does not know it: a newer one wrote the graph, or the '
        'file is damaged'
      )
  arguments = [*definition.input_arg, *definition.output_arg]
  counts = {each.number_attr for each in arguments if each.number_attr}
  for name, each in known.items():
    if name not in node.attr:
      if not each.HasField('default_value'):
        raise errors.InputError(f'attribute {name} is missing')
      continue
    value = node.attr[name]
    if in_function and value.WhichOneof('value') == _PLACEHOLDER:
      continue
    if value.WhichOneof('value') is None and each.type.startswith(_LIST):
      value.list.SetInParent()
    _check_type(each, value)
    _check_content(name, value, functions)
    _check_allowed(each, value)
    if name in counts and value.i > _MOST_TENSORS:
      raise errors.InputError(
        f'attribute {name} is {value.i}, and must be {_MOST_TENSORS} at most'
      )


def is_default(name: str, value: AttrValue) -> bool:
  """Whether an attribute that is not known changes nothing, to all appearance.

  TensorFlow adds attributes whose default is what it did before; that is false,
  0 or nothing, with few exceptions.
  """
  if name in _NEWER_DEFAULTS:
    return value == _NEWER_DEFAULTS[name]
  kind = value.WhichOneof('value')
  if kind == 'list':
    return not value.list.ListFields()
  if kind in ('s', 'i', 'f', 'b'):
    return not getattr(value, kind)
  return kind is None


def shown(value: object) -> str:
  """A value from a file in one line that is not long."""
  if isinstance(value, AttrValue):
    kind = value.WhichOneof('value')
    if kind in ('s', 'i', 'f', 'b'):
      value = getattr(value, kind)
  text = repr(value) if isinstance(value, (str, bytes)) else str(value)
  text = ' '.join(text.split())
  if len(text) > _MOST_SHOWN:
    text = text[:_MOST_SHOWN] + '...'
  if isinstance(value, str) and value and text[1:-1] == value:
    return value
  return text


def _check_type(definition: op_definitions.AttrDef, value: AttrValue) -> None:
  kind = value.WhichOneof('value')
  wanted = definition.type
  if wanted.startswith(_LIST):
    field = _FIELDS[wanted[len(_LIST) : -1]]
    others = [f.name for f, _ in value.list.ListFields() if f.name != field]
    fits = kind == 'list' and not others
  else:
    fits = kind == _FIELDS[wanted]
  if not fits:
    raise errors.InputError(
      f'attribute {definition.name} must be of the type {wanted}, got '
      f'{shown(value)}'
    )


def _check_content(
  name: str, value: AttrValue, functions: Iterable[str]
) -> None:
  """Checks types, shapes, tensors and functions, alone or in lists."""

  def function_problem(function: NameAttrList) -> Optional[str]:
    if not function.name or function.name in functions:
      return None
    return f'names a function {shown(function.name)} that is not there'

  def text_problem(text: bytes) -> Optional[str]:
    # Settings of function calls are bytes; names are what TensorFlow quotes.
    if not name.startswith('_') and name not in _NAMES:
      return None
    try:
      text.decode()
    except UnicodeDecodeError:
      return f'is {shown(text)}, which is no text'
    return None

  for field, problem_of in (
    ('s', text_problem),
    ('type', _type_problem),
    ('shape', tensor_check.shape_problem),
    ('tensor', tensor_check.make_plain),
    ('func', function_problem),
  ):
    for each in _all_of(value, field):
      problem = problem_of(each)
      if problem:
        raise errors.InputError(f'attribute {name} {problem}')


def _all_of(value: AttrValue, field: str) -> list:
  if value.WhichOneof('value') == field:
    return [getattr(value, field)]
  if value.WhichOneof('value') == 'list':
    return list(getattr(value.list, field))
  return []


def _type_problem(dtype: int) -> Optional[str]:
  if dtype not in _TYPES:
    return f'is type number {dtype}, which does not exist'
  return None


def _check_allowed(
  definition: op_definitions.AttrDef, value: AttrValue
) -> None:
  name = definition.name
  for field in ('s', 'type'):
    allowed = list(getattr(definition.allowed_values.list, field))
    for each in _all_of(value, field) if allowed else []:
      if each not in allowed:
        raise errors.InputError(
          f'attribute {name} is {_named(each)}, and must be one of '
          + ', '.join(_named(one) for one in allowed)
        )
  if definition.has_minimum:
    is_list = value.WhichOneof('value') == 'list'
    fields = [values for _, values in value.list.ListFields()]
    size = sum(map(len, fields)) if is_list else value.i
    if size < definition.minimum:
      what = 'has a length of' if is_list else 'is'
      raise errors.InputError(
        f'attribute {name} {what} {size}, and must be {definition.minimum} or '
        'more'
      )
  for number in _all_of(value, 'f'):
    if math.isnan(number):
      raise errors.InputError(f'attribute {name} is not a number')


def _named(value: object) -> str:
  if isinstance(value, bytes):
    return shown(value.decode('utf-8', 'backslashreplace'))
  return types_pb2.DataType.Name(value)
