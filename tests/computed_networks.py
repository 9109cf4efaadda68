"""Networks whose frozen graphs compute kernels from constants."""

from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.core import masking

OUTPUT = 'output'
_ZEROS = 0.7


class Frozen(NamedTuple):
  """A frozen network.

  Attributes:
    graph_def: with the input `image`, which takes any size, and `OUTPUT`.
    size: of all its kernels and biases.
    zeros: in its kernels.
    layers: how many kernels it has that become sparse.
  """

  graph_def: tf.GraphDef
  size: int
  zeros: int
  layers: int


def _masked(image):
  with masking.masking_scope():
    net = tf.layers.conv2d(image, 8, 3, name='a', activation=tf.nn.relu)
    net = tf.layers.conv1d(tf.reduce_mean(net, 2), 16, 3, name='b')
  return net, 2


def _conv1d(image):
  net = tf.reduce_mean(image, 2)
  return tf.layers.conv1d(net, 16, 3, name='a', activation=tf.nn.relu), 1


def _dense_of_rank_3(image):
  return tf.layers.dense(tf.reduce_mean(image, 2), 16, name='a'), 1


def _dense_of_rank_4(image):
  return tf.layers.dense(image, 16, name='a', activation=tf.nn.relu), 1


def _conv3d(image):
  net = tf.layers.conv3d(image[..., None], 4, 3, name='a')
  return tf.layers.conv3d_transpose(net, 2, 2, name='b'), 0


ALL = {
  'masked': _masked,
  'conv1d': _conv1d,
  'dense of rank 3': _dense_of_rank_3,
  'dense of rank 4': _dense_of_rank_4,
  'conv3d': _conv3d,
}


def frozen(kind: str) -> Frozen:
  """Freezes one of `ALL`, with zeros in its kernels or masks."""
  random = np.random.RandomState(0)
  with tf.Graph().as_default() as graph, tf.Session() as session:
    net, layers = ALL[kind](
      tf.placeholder(tf.float32, [1, None, None, 3], 'image')
    )
    tf.identity(net, name=OUTPUT)
    session.run(tf.global_variables_initializer())
    masks = [kernel.mask for kernel in masking.masked_kernels()]
    kernels = [v for v in tf.trainable_variables() if v.shape.ndims > 1]
    zeros = 0
    for variable in masks or kernels:
      kept = random.uniform(size=variable.shape.as_list()) > _ZEROS
      zeros += int((~kept).sum())
      variable.load(session.run(variable) * kept, session)
    graph_def = tf.graph_util.convert_variables_to_constants(
      session, graph.as_graph_def(), [OUTPUT]
    )
    size = sum(v.shape.num_elements() for v in tf.trainable_variables())
  return Frozen(graph_def, size, zeros, layers)
