"""Where MobileNets expand a block: as in the dense network, at any width.

Slim multiplies the depth that a block meets and rounds the result to a multiple
of 8. It adds a layer that expands where that is more than the depth: in a
narrow network also in a block that has no such layer.
"""

import contextlib
from typing import Dict, Iterator

import tensorflow.compat.v1 as tf
from nets.mobilenet import conv_blocks


@contextlib.contextmanager
def as_in_dense(dense: Dict[str, int]) -> Iterator[None]:
  """Makes blocks that are built in this context expand as the dense ones do.

  Args:
    dense: widths of all layers in the network as the code makes it, by name.
  """
  original = conv_blocks._make_divisible

  def make_divisible(depth, *args, **kwargs):
    block = tf.get_variable_scope().name
    if block + '/project' not in dense:
      return original(depth, *args, **kwargs)
    # Either is compared with the depth of the input. The layer gets its own
    # width from a getter.
    return dense.get(block + '/expand', int(depth))

  conv_blocks._make_divisible = make_divisible
  try:
    yield
  finally:
    conv_blocks._make_divisible = original
