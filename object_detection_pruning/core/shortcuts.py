"""Where slim adds shortcuts: as in the dense network, whatever the widths.

Slim decides by the widths it meets whether a unit adds up its input. In a
narrow network these differ from the code's, and may be equal by accident.
"""

import contextlib
from typing import Dict, Iterator

import tensorflow.compat.v1 as tf
from nets import resnet_v1
from nets.mobilenet import conv_blocks, mobilenet_v2

from object_detection_pruning.core import dense_depths

# The layers of a block.
_STRIDED = ('Conv2D', 'DepthwiseConv2dNative')


@contextlib.contextmanager
def as_in_dense(dense: Dict[str, int]) -> Iterator[None]:
  """Makes networks that are built in this context decide by dense widths.

  Args:
    dense: widths of all layers in the network as the code makes it, by name.
  """
  with _bottlenecks(dense), contextlib.ExitStack() as stack:
    for network in _mobilenets():
      stack.enter_context(_inverted_residuals(network, dense))
    yield


def _mobilenets() -> Iterator[dict]:
  """Gives the defaults of each network that is made of inverted residuals."""
  yield mobilenet_v2.V2_DEF['defaults']
  # An older slim has none.
  with contextlib.suppress(ImportError):
    from nets.mobilenet import mobilenet_v3

    yield mobilenet_v3.DEFAULTS


@contextlib.contextmanager
def _bottlenecks(dense: Dict[str, int]) -> Iterator[None]:
  """Keeps slim's ResNet from adding a shortcut layer that was never trained.

  Its bottleneck adds one where the depth of its input is not the depth in the
  code. In a narrow network this is so for every unit, and only those that had
  a shortcut layer have one now.
  """
  # The slim that the network itself calls: there is more than one.
  utils = resnet_v1.slim.utils
  original = utils.last_dimension

  def last_dimension(shape, min_rank=1):
    unit = tf.get_variable_scope().name
    trunk = dense.get(unit + '/conv3')
    if trunk is not None and unit + '/shortcut' not in dense:
      return trunk
    return original(shape, min_rank=min_rank)

  utils.last_dimension = last_dimension
  try:
    yield
  finally:
    utils.last_dimension = original


@contextlib.contextmanager
def _inverted_residuals(network: dict, dense: Dict[str, int]) -> Iterator[None]:
  """Keeps a MobileNet from adding up blocks that are as wide by accident."""
  defaults = network[(conv_blocks.expanded_conv,)]
  original = defaults['residual']

  def residual(input_tensor, output_tensor):
    depths = [
      dense_depths.of(tensor, dense) for tensor in (input_tensor, output_tensor)
    ]
    if depths[0] != depths[1] or _has_stride(input_tensor, output_tensor):
      return output_tensor
    return output_tensor + input_tensor

  if original is True:
    defaults['residual'] = residual
  try:
    yield
  finally:
    defaults['residual'] = original


def _has_stride(input_tensor: tf.Tensor, output_tensor: tf.Tensor) -> bool:
  """Tells whether a layer of a block makes its maps smaller."""
  op = output_tensor.op
  # Whatever else is multiplied or added stands second.
  while op is not input_tensor.op:
    if op.type in _STRIDED and op.get_attr('strides')[1] != 1:
      return True
    op = op.inputs[0].op
  return False
