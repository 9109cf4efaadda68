"""Which layers of a detector a request means."""

from typing import List, Sequence

from object_detection_pruning.common import errors
from object_detection_pruning.core import layer_patterns
from object_detection_pruning.reconstruction import kernel_layers
from object_detection_pruning.reconstruction import request as requests


def choose(
  layers: Sequence[kernel_layers.KernelLayer],
  request: requests.Request,
  path: str,
) -> List[kernel_layers.KernelLayer]:
  """Gives the layers that are to be pruned.

  Args:
    layers: of the detector.
    request: with patterns of layers and the size of the smallest kernel.
    path: of the detector, for messages.

  Raises:
    InputError: there is nothing to prune, or a pattern finds no layer, or the
      kernel of one is too small for the granularity.
  """
  able = [
    layer
    for layer in layers
    if layer.kind != kernel_layers.DEPTHWISE
    and layer.kernel.size >= request.min_weights
  ]
  if not able:
    raise errors.InputError(
      f'{path} has nothing to prune: no convolution or fully connected kernel '
      f'of {request.min_weights} weights or more'
    )
  names = [layer.name for layer in able]
  layer_patterns.check_each_found(
    request.include, request.exclude, names, 'layer that can be pruned'
  )
  chosen = [
    layer
    for layer in able
    if layer_patterns.is_chosen(request.include, request.exclude, [layer.name])
  ]
  if not chosen:
    raise errors.InputError('include and exclude leave no layer to prune')
  for layer in chosen:
    request.pattern.check_kernel(layer.name, *layer.kernel.shape[-2:])
  return chosen
