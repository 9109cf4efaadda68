"""Shapes and constants in files: whole, and of a size that can be."""

from typing import Optional

import tensorflow.compat.v1 as tf
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2

_MOST_DIMENSIONS = 254
_MOST_VALUES = 2**63 - 1
# No file holds more; a constant that says one value for many takes it when run.
_MOST_BYTES = 2**31
# Which field has the values of a type, and how many for each.
_FIELDS = {
  types_pb2.DT_FLOAT: ('float_val', 1),
  types_pb2.DT_DOUBLE: ('double_val', 1),
  types_pb2.DT_INT64: ('int64_val', 1),
  types_pb2.DT_BOOL: ('bool_val', 1),
  types_pb2.DT_STRING: ('string_val', 1),
  types_pb2.DT_HALF: ('half_val', 1),
  types_pb2.DT_BFLOAT16: ('half_val', 1),
  types_pb2.DT_COMPLEX64: ('scomplex_val', 2),
  types_pb2.DT_COMPLEX128: ('dcomplex_val', 2),
  types_pb2.DT_UINT32: ('uint32_val', 1),
  types_pb2.DT_UINT64: ('uint64_val', 1),
}
_WHOLE_NUMBERS = (
  types_pb2.DT_INT8,
  types_pb2.DT_INT16,
  types_pb2.DT_INT32,
  types_pb2.DT_UINT8,
  types_pb2.DT_UINT16,
  types_pb2.DT_QINT8,
  types_pb2.DT_QINT16,
  types_pb2.DT_QINT32,
  types_pb2.DT_QUINT8,
  types_pb2.DT_QUINT16,
)
_FIELDS.update(dict.fromkeys(_WHOLE_NUMBERS, ('int_val', 1)))


def shape_problem(
  shape: tensor_shape_pb2.TensorShapeProto, whole: bool = False
) -> Optional[str]:
  """Says what is wrong with a shape; None where nothing is.

  Args:
    shape: -1 stands for a size that is not known.
    whole: whether all sizes must be known.
  """
  sizes = [dim.size for dim in shape.dim]
  if shape.unknown_rank and (sizes or whole):
    return 'has a shape of no known rank, and must have one'
  if len(sizes) > _MOST_DIMENSIONS:
    return f'has a shape of {len(sizes)} dimensions'
  if any(size < (0 if whole else -1) for size in sizes):
    return f'has a shape with the size {min(sizes)}'
  # Zeros do not count: TensorFlow may multiply the others first.
  if _product(max(size, 1) for size in sizes) > _MOST_VALUES:
    return f'has the shape {sizes}, which overflows'
  return None


def make_plain(tensor: tensor_pb2.TensorProto) -> Optional[str]:
  """Checks a constant, and writes its values out, in place.

  A field with fewer values than the shape stands for the last one repeated,
  which older readers do not know.

  Returns:
    What is wrong with it; None where nothing is.
  """
  if tensor.dtype not in types_pb2.DataType.values():
    return f'is a constant of type number {tensor.dtype}, which does not exist'
  problem = shape_problem(tensor.tensor_shape, whole=True)
  if problem:
    return problem
  if tensor.dtype not in _FIELDS:
    name = types_pb2.DataType.Name(tensor.dtype)
    return f'is a constant of {name}, which has no values in a file'
  count = _product(dim.size for dim in tensor.tensor_shape.dim)
  size = max(1, tf.as_dtype(tensor.dtype).size or 0)
  if count * size > _MOST_BYTES:
    return f'is a constant of {count} values, which no memory is for'
  if tensor.tensor_content and tensor.dtype != types_pb2.DT_STRING:
    found = len(tensor.tensor_content)
    if found != count * size:
      return f'is a constant of {count * size} bytes by its shape, got {found}'
    return None
  field, each = _FIELDS[tensor.dtype]
  values = getattr(tensor, field)
  if len(values) > count * each or len(values) % each:
    return f'is a constant of {count} values by its shape, got {len(values)}'
  if not values and count and tensor.dtype == types_pb2.DT_STRING:
    values.append(b'')
  elif not values and count:
    tensor.tensor_content = bytes(count * size)
  elif each < len(values) < count * each:
    values.extend(list(values[-each:]) * (count - len(values) // each))
  return None


def _product(sizes) -> int:
  product = 1
  for size in sizes:
    product *= size
  return product
