"""Weights as a bit per weight and the nonzeros, as the sparse ops take them."""

from typing import Optional, Tuple

import numpy as np

from object_detection_pruning.common import errors

# Where the mask is among the inputs of an op; the values follow.
MASK_INPUTS = {
  'SparseConv2D': 1,
  'SparseMatMulBias': 1,
  'SparseSeparableConv2D': 3,
}


def pack(weights: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
  """Packs a kernel of any shape.

  Args:
    weights: float32 kernel.

  Returns:
    mask: uint8 vector of ceil(size / 8) bytes; bit i % 8 of byte i / 8 is set
      where weight i, in C order, is not zero.
    values: float32 vector of the nonzeros, in the same order.
  """
  flat = np.ascontiguousarray(weights, np.float32).ravel()
  nonzero = flat != 0
  # NumPy 1.16 packs the highest bit first only, so bytes are turned round.
  padded = np.zeros(-(-flat.size // 8) * 8, bool)
  padded[: flat.size] = nonzero
  mask = np.packbits(padded.reshape(-1, 8)[:, ::-1], axis=1).ravel()
  return mask, flat[nonzero]


def unpack(
  mask: np.ndarray,
  values: np.ndarray,
  shape: Tuple[int, ...],
  scales: Optional[np.ndarray] = None,
) -> np.ndarray:
  """The kernel that `pack` was given.

  Args:
    mask: see `pack`.
    values: see `pack`; or int8 multiples of scales.
    shape: of the kernel, output channels last.
    scales: float32 vector, one for each output channel, for values of int8;
      else None.

  Raises:
    InputError: these do not belong together.
  """
  size = 1
  for side in shape:
    size *= side
  bits = mask.size * 8
  if (
    mask.ndim != 1
    or mask.dtype != np.uint8
    or not shape
    or min(shape) < 1
    or not bits - 8 < size <= bits
  ):
    raise errors.InputError(
      f'a sparse kernel of the shape {list(shape)} must have a bit for each '
      f'weight, got a mask of {mask.dtype} {list(mask.shape)}'
    )
  nonzeros = int(np.unpackbits(mask).sum())
  if values.shape != (nonzeros,):
    raise errors.InputError(
      f'a sparse kernel has {nonzeros} bits set, and values of the shape '
      f'{list(values.shape)}'
    )
  in_bytes = values.dtype == np.int8
  if in_bytes != (scales is not None) or (
    in_bytes and (scales.dtype, scales.shape) != (np.float32, tuple(shape[-1:]))
  ):
    given = 'no' if scales is None else f'{scales.size} {scales.dtype}'
    raise errors.InputError(
      f'a sparse kernel of the shape {list(shape)} must have values of int8 '
      f'and a float32 scale for each of its {shape[-1]} outputs, or neither, '
      f'got values of {values.dtype} and {given} scales'
    )
  bits = np.unpackbits(mask.reshape(-1, 1), axis=1)[:, ::-1].ravel()[:size]
  weights = np.zeros(size, np.float32)
  weights[bits.astype(bool)] = values
  weights = weights.reshape(shape)
  return weights * scales if in_bytes else weights
