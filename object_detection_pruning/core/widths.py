"""The width getter: stock code builds a narrower network under it.

A layer's kernel and bias are made with as many filters as are listed for it;
batch norm, depthwise kernels and the input channels of what follows take their
shapes from the tensors they are given, and so follow by themselves.
"""

import contextlib
from typing import Any, Callable, Iterator, List, NamedTuple, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  cells,
  expansions,
  getter_arguments,
  kernels,
  layer_shapes,
  shortcuts,
)
from object_detection_pruning.protos import pruning_pb2

_BIASES = ('biases', 'bias')


class LayerWidth(NamedTuple):
  """How many filters a layer has.

  Attributes:
    layer: its name, without that of a variable.
    filters: what it has.
    dense_filters: what it has in the network as the code makes it.
  """

  layer: str
  filters: int
  dense_filters: int


def from_message(message: pruning_pb2.Pruning) -> List[LayerWidth]:
  """Reads the widths of a `pruning` message.

  Raises:
    InputError: a width is missing or out of range.
  """
  result = []
  for entry in message.layer_width:
    if not entry.layer or not 0 < entry.filters <= entry.dense_filters:
      raise errors.InputError(
        f'layer_width of {entry.layer!r} must have filters in [1, '
        f'dense_filters], got {entry.filters} and {entry.dense_filters}'
      )
    result.append(LayerWidth(entry.layer, entry.filters, entry.dense_filters))
  return result


def to_message(
  layer_widths: Sequence[LayerWidth], message: pruning_pb2.Pruning
) -> None:
  """Puts widths into a `pruning` message, in place of those it has."""
  del message.layer_width[:]
  for width in layer_widths:
    message.layer_width.add(**width._asdict())


@contextlib.contextmanager
def width_scope(layer_widths: Sequence[LayerWidth]) -> Iterator[None]:
  """Gives the layers that are built in this context the widths listed.

  Enter it before `masking.masking_scope`, so that masks have the shapes of the
  narrow kernels.

  Args:
    layer_widths: of all layers whose width the code should not choose.

  Yields:
    Nothing.

  Raises:
    InputError: a layer was never built.
  """
  if not layer_widths:
    yield
    return
  by_layer = {width.layer: width for width in layer_widths}
  seen = set()
  scope = tf.get_variable_scope()
  outer = scope.custom_getter
  scope.set_custom_getter(_getter(by_layer, seen, outer))
  try:
    dense = {width.layer: width.dense_filters for width in layer_widths}
    with contextlib.ExitStack() as stack:
      stack.enter_context(shortcuts.as_in_dense(dense))
      stack.enter_context(cells.as_in_dense(dense))
      stack.enter_context(expansions.as_in_dense(dense))
      stack.enter_context(layer_shapes.by_kernels())
      yield
  finally:
    scope.set_custom_getter(outer)
  unseen = sorted(set(by_layer) - seen)
  if unseen:
    raise errors.InputError(
      f'layer_width names {unseen[0]}, and the model has no such layer'
    )


def _getter(by_layer: dict, seen: set, outer: Callable) -> Callable:
  def custom_getter(getter, name, *args, **kwargs) -> Any:
    layer, _, last = name.rpartition('/')
    width = by_layer.get(layer)
    kwargs = getter_arguments.by_name(args, kwargs)
    shape = kwargs.get('shape')
    if width is not None and shape is not None:
      shape = tf.TensorShape(shape).as_list()
      is_kernel = kernels.kind_of(name, len(shape)) == kernels.DENSE
      if is_kernel or last in _BIASES:
        kwargs['shape'] = shape[:-1] + [width.filters]
        seen.add(layer)
    if outer is not None:
      return outer(getter, name, **kwargs)
    return getter(name, **kwargs)

  return custom_getter
