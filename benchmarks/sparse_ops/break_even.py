"""Finds the share of zeros from which a sparse layer is the faster one.

  python benchmarks/sparse_ops/break_even.py

Each layer is a convolution with bias and ReLU, in plain TensorFlow and sparse,
measured in turns with one thread at several sparsities. The break-even is read
off between two of them.
"""

from typing import List, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags

from object_detection_pruning.common import command, progress, timing
from object_detection_pruning.sparse_ops import (
  graph_comparison,
  library,
  rewrite,
)

flags.DEFINE_float('seconds', 0.5, 'For each layer and sparsity.')
FLAGS = flags.FLAGS

_SPARSITIES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Layer(NamedTuple):
  """A convolution.

  Attributes:
    kernel: height and width.
    size: height and width of the image.
    inputs: channels.
    outputs: channels.
    batch: images.
  """

  kernel: int
  size: int
  inputs: int
  outputs: int
  batch: int = 1


_LAYERS = (
  Layer(1, 75, 64, 64),
  Layer(1, 38, 192, 192),
  Layer(1, 19, 384, 384),
  Layer(1, 10, 768, 768),
  Layer(3, 75, 64, 192),
  Layer(3, 38, 96, 128),
  Layer(3, 19, 160, 192),
  Layer(3, 7, 192, 320, 100),
  Layer(5, 38, 64, 64),
)


def main(_) -> None:
  library.load()
  print(
    '| kernel | image | channels | break-even | '
    + ' | '.join(f'{sparsity:.2f}' for sparsity in _SPARSITIES)
    + ' |'
  )
  print('| --- ' * (4 + len(_SPARSITIES)) + '|')
  with timing.Timer(intra_op=1, inter_op=1) as timer:
    _print_rows(timer)


def _print_rows(timer: timing.Timer) -> None:
  for layer in progress.over(_LAYERS, 'layers'):
    ratios = [_ratio(timer, layer, sparsity) for sparsity in _SPARSITIES]
    even = _crossing(ratios)
    image = f'{layer.size}x{layer.size}'
    if layer.batch > 1:
      image = f'{layer.batch} of {image}'
    print(
      f'| {layer.kernel}x{layer.kernel} | {image} | '
      f'{layer.inputs} to {layer.outputs} | '
      + ('below 0' if even == 0 else '-' if even is None else f'{even:.2f}')
      + ' | '
      + ' | '.join(f'{ratio:.2f}' for ratio in ratios)
      + ' |',
      flush=True,
    )


def _ratio(timer: timing.Timer, layer: Layer, sparsity: float) -> float:
  random = np.random.RandomState(0)
  weights = random.normal(
    size=[layer.kernel, layer.kernel, layer.inputs, layer.outputs]
  ).astype(np.float32)
  limit = np.quantile(np.abs(weights), sparsity)
  weights[np.abs(weights) < limit] = 0
  shape = [layer.batch, layer.size, layer.size, layer.inputs]
  with tf.Graph().as_default() as graph:
    net = tf.placeholder(tf.float32, shape, 'input')
    net = tf.nn.conv2d(net, tf.constant(weights), [1, 1, 1, 1], 'SAME')
    tf.nn.relu(tf.nn.bias_add(net, tf.zeros([layer.outputs])), name='output')
  plain = graph.as_graph_def()
  sparse = rewrite.rewrite(plain, min_sparsity=0.0).graph_def
  feeds = {'input:0': random.uniform(size=shape).astype(np.float32)}
  return graph_comparison.compare_in(
    timer, plain, sparse, feeds, FLAGS.seconds
  ).ratio


def _crossing(ratios: List[float]) -> Optional[float]:
  """Where the ratio passes 1, linear between two sparsities."""
  if ratios[0] >= 1:
    return 0.0
  for before in range(len(ratios) - 1):
    low, high = ratios[before], ratios[before + 1]
    if low < 1 <= high:
      share = (1 - low) / (high - low)
      start, end = _SPARSITIES[before], _SPARSITIES[before + 1]
      return start + share * (end - start)
  return None


if __name__ == '__main__':
  command.run(main)
