"""Upsampling of stock feature pyramids, as TFLite can run it.

The stock code copies values by products of six dimensions, which the
interpreter of TensorFlow 1.14 cannot do, or by stacks, which the exporter of
2022 looks for with what is in tf.contrib alone. TFLite has an op for it.
"""

import contextlib
from typing import Any, Callable, Iterator, Optional, Tuple

import tensorflow.compat.v1 as tf
from object_detection import export_tflite_ssd_graph_lib as stock
from object_detection.utils import ops

_Replaced = Tuple[Any, str, Callable]


@contextlib.contextmanager
def by_resizing() -> Iterator[None]:
  """Has stock code that builds networks upsample by an op that resizes."""
  with contextlib.ExitStack() as stack:
    for module, name, ours in _replaced():
      stack.callback(setattr, module, name, getattr(module, name))
      setattr(module, name, ours)
    yield


def _replaced() -> Iterator[_Replaced]:
  yield ops, 'nearest_neighbor_upsampling', _upsampled
  # There is none in the sources of 2019.
  if hasattr(stock.exporter, 'rewrite_nn_resize_op'):
    yield stock.exporter, 'rewrite_nn_resize_op', lambda *_: None


def _upsampled(
  input_tensor: tf.Tensor,
  scale: Optional[int] = None,
  height_scale: Optional[int] = None,
  width_scale: Optional[int] = None,
  name: str = 'nearest_neighbor_upsampling',
) -> tf.Tensor:
  """Repeats each value of [batch, height, width, channels]; has stock names."""
  factors = [height_scale or scale, width_scale or scale]
  sides = input_tensor.shape.as_list()[1:3]
  if None in sides:
    sides = tf.unstack(tf.shape(input_tensor)[1:3])
  return tf.image.resize_nearest_neighbor(
    input_tensor,
    [side * factor for side, factor in zip(sides, factors)],
    name=name,
  )
