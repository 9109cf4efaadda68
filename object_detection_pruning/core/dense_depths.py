"""How deep a tensor of a narrow network is in the dense one."""

from typing import Dict, Optional

import tensorflow.compat.v1 as tf


def of(tensor: tf.Tensor, dense: Dict[str, int]) -> int:
  """Gives the channels that a tensor would have in the dense network.

  It goes back to the convolutions that made them, through ops that keep the
  depth or join tensors along their last axis. What another op makes is as deep
  there as here.

  Args:
    tensor: with its channels on the last axis.
    dense: widths of layers in the network as the code makes it, by name; a
      layer that is not listed is as wide there as here.
  """
  depth = _depth(tensor)
  op = tensor.op
  while op.type != 'Conv2D':
    if not op.inputs or _depth(op.inputs[0]) != depth:
      if op.type == 'ConcatV2':
        return sum(of(part, dense) for part in list(op.inputs)[:-1])
      return depth
    op = op.inputs[0].op
  return _filters(op.inputs[1], dense)


def _depth(tensor: tf.Tensor) -> Optional[int]:
  return tensor.shape[-1].value if tensor.shape.ndims else None


def _filters(kernel: tf.Tensor, dense: Dict[str, int]) -> int:
  """Finds the layer of a kernel, through a mask or a read if there is one."""
  waiting = [kernel.op]
  while waiting:
    op = waiting.pop()
    depth = dense.get(op.name.rpartition('/')[0])
    if depth is not None:
      return depth
    waiting.extend(each.op for each in op.inputs)
  return _depth(kernel)
