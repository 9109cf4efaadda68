"""A detector of a few layers as a frozen graph, made in a moment.

It has what is special in larger ones: batch norm behind some kernels and biases
behind others, a depthwise layer, and a head whose kernel is used on two maps.
"""

import io
import os

import numpy as np
import tensorflow.compat.v1 as tf
from PIL import Image

SIZE = 24
# Of the small map, a side.
_CELLS = SIZE // 4


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


def graph_def(
  seed: int = 0, detects: bool = False, width: int = 32
) -> tf.GraphDef:
  """Builds the graph; its input is image_tensor.

  Args:
    seed: of the weights.
    detects: whether it has the outputs of a detection graph, rather than raw
      predictions; its detections are those of the small map.
    width: channels of the two maps.
  """
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
      _kernel(rng, 'point/weights', 1, 1, 16, width),
      1,
      'SAME',
      name='point/c',
    )
    large = _batch_norm(net, rng, 'point')
    kernel = _kernel(rng, 'down/weights', 3, 3, width, width)
    net = tf.nn.conv2d(large, kernel, 2, 'SAME', name='down/c')
    small = _batch_norm(net, rng, 'down')
    classes, boxes = _heads(rng, [large, small])
    if detects:
      _detect(classes[:, -_CELLS * _CELLS :], boxes[:, -_CELLS * _CELLS :])
    else:
      tf.nn.sigmoid(classes, name='detection_scores')
      tf.identity(boxes, name='detection_boxes')
    return graph.as_graph_def()


def _detect(classes, boxes):
  """Takes the surest boxes of the first image, one of each cell at most."""
  scores = tf.nn.sigmoid(classes[0])
  best, chosen = tf.nn.top_k(tf.reduce_max(scores, 1), 12)
  corners = np.indices((_CELLS, _CELLS)).reshape(2, -1).T / _CELLS
  cells = np.concatenate([corners, corners + 1 / _CELLS], 1).astype('f')
  moved = cells + 0.02 * tf.tanh(boxes[0])
  tf.expand_dims(best, 0, name='detection_scores')
  tf.expand_dims(tf.gather(moved, chosen), 0, name='detection_boxes')
  found = tf.cast(tf.argmax(tf.gather(scores, chosen), 1) + 1, tf.float32)
  tf.expand_dims(found, 0, name='detection_classes')
  tf.constant([12.0], name='num_detections')


def write_labels(graph: tf.GraphDef, folder) -> list:
  """Labels pictures as a detecting graph sees them.

  Returns:
    Paths of a record and of its label map.
  """
  paths = [os.path.join(str(folder), n) for n in ('val.record', 'map.pbtxt')]
  names = ('detection_boxes:0', 'detection_classes:0')
  with tf.python_io.TFRecordWriter(paths[0]) as writer:
    for number, image in enumerate(photos(8, seed=9)):
      boxes, classes = run(graph, names, [image])
      example = tf.train.Example()
      feature = example.features.feature
      buffer = io.BytesIO()
      Image.fromarray(image).save(buffer, 'PNG')
      feature['image/encoded'].bytes_list.value.append(buffer.getvalue())
      name = str(number).encode()
      feature['image/source_id'].bytes_list.value.append(name)
      for edge, values in zip(('ymin', 'xmin', 'ymax', 'xmax'), boxes[0].T):
        values = np.clip(values, 0, 1)
        feature[f'image/object/bbox/{edge}'].float_list.value.extend(values)
      labels = [int(each) for each in classes[0]]
      feature['image/object/class/label'].int64_list.value.extend(labels)
      writer.write(example.SerializeToString())
  with open(paths[1], 'w') as file:
    for label in range(1, 6):
      file.write(f'item {{ id: {label} name: "{label}" }}\n')
  return paths


def _heads(rng, maps):
  result = []
  for name, length in (('class', 5), ('box', 4)):
    width = maps[0].shape[-1].value
    kernel = _kernel(rng, f'{name}/weights', 1, 1, width, length)
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
