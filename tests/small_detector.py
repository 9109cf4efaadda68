"""A detector of a few layers as a frozen graph, made in a moment.

It has what is special in larger ones: batch norm behind some kernels and biases
behind others, a depthwise layer, and a head whose kernel is used on two maps.
"""

import numpy as np
import tensorflow.compat.v1 as tf

SIZE = 24


def _batch_norm(value, rng, name):
  channels = value.shape[-1].value
  statistics = [
    tf.constant(each.astype(np.float32), name=f'{name}/BatchNorm/{part}')
    for part, each in (
      ('gamma', rng.rand(channels) + 0.5),
      ('beta', rng.randn(channels) * 0.3),
      ('moving_mean', rng.randn(channels)),
      ('moving_variance', rng.rand(channels) * 4 + 4),
    )
  ]
  normed, _, _ = tf.nn.fused_batch_norm(
    value, *statistics, is_training=False, name=f'{name}/BatchNorm/norm'
  )
  return tf.nn.relu6(normed)


def _kernel(rng, name, *shape):
  values = rng.randn(*shape) / np.sqrt(np.prod(shape[:3]) / 2)
  return tf.constant(values.astype(np.float32), name=name)


def graph_def(seed: int = 0) -> tf.GraphDef:
  """Builds the graph; its input is image_tensor."""
  rng = np.random.RandomState(seed)
  with tf.Graph().as_default() as graph:
    images = tf.placeholder(
      tf.uint8, [None, None, None, 3], name='image_tensor'
    )
    net = tf.cast(images, tf.float32) / 64 - 2
    net = tf.nn.conv2d(
      net, _kernel(rng, 'first/weights', 3, 3, 3, 16), 2, 'SAME', name='first/c'
    )
    net = _batch_norm(net, rng, 'first')
    kernel = _kernel(rng, 'depth/depthwise_weights', 3, 3, 16, 1)
    net = tf.nn.depthwise_conv2d_native(
      net, kernel, [1, 1, 1, 1], 'SAME', name='depth/c'
    )
    net = _batch_norm(net, rng, 'depth')
    net = tf.nn.conv2d(
      net,
      _kernel(rng, 'point/weights', 1, 1, 16, 32),
      1,
      'SAME',
      name='point/c',
    )
    large = _batch_norm(net, rng, 'point')
    kernel = _kernel(rng, 'down/weights', 3, 3, 32, 32)
    net = tf.nn.conv2d(large, kernel, 2, 'SAME', name='down/c')
    small = _batch_norm(net, rng, 'down')
    classes, boxes = _heads(rng, [large, small])
    tf.nn.sigmoid(classes, name='detection_scores')
    tf.identity(boxes, name='detection_boxes')
    return graph.as_graph_def()


def _heads(rng, maps):
  result = []
  for name, length in (('class', 5), ('box', 4)):
    kernel = _kernel(rng, f'{name}/weights', 1, 1, 32, length)
    bias = tf.constant(
      rng.randn(length).astype(np.float32), name=f'{name}/bias'
    )
    rows = []
    for number, value in enumerate(maps):
      value = tf.nn.conv2d(value, kernel, 1, 'SAME', name=f'{name}/c{number}')
      value = tf.nn.bias_add(value, bias)
      rows.append(tf.reshape(value, [tf.shape(value)[0], -1, length]))
    result.append(tf.concat(rows, 1, name=f'{name}/all'))
  return result


def photos(count: int = 40, seed: int = 0):
  """Smooth pictures, all different."""
  rng = np.random.RandomState(seed)
  coarse = rng.randint(0, 256, [count, 6, 6, 3])
  smooth = coarse.repeat(SIZE // 6, 1).repeat(SIZE // 6, 2)
  noise = rng.randint(-70, 70, smooth.shape)
  return list(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def run(graph: tf.GraphDef, fetches, images) -> list:
  """Runs a graph on images of one size."""
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph, name='')
    return session.run(fetches, {'image_tensor:0': np.stack(images)})
