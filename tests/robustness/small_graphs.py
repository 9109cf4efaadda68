"""Small models whose files are mutated: a plain, a sparse and a served one."""

import os
import uuid
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import saved_model_pb2

from object_detection_pruning.sparse_ops import rewrite

OUTPUTS = (
  'num_detections',
  'detection_boxes',
  'detection_scores',
  'detection_classes',
)
_SIZE = 24


def plain(masked=False):
  """A frozen graph with the ops that detectors have, loops among them.

  Args:
    masked: whether a kernel is masked, as in a graph that was not stripped.
  """
  random = np.random.RandomState(0)

  def weights(*shape):
    values = random.normal(size=shape).astype(np.float32)
    values[random.uniform(size=shape) < 0.8] = 0
    return tf.constant(values)

  with tf.Graph().as_default() as graph:
    image = tf.placeholder(tf.uint8, [1, None, None, 3], 'image_tensor')
    x = tf.cast(image, tf.float32)
    x = tf.image.resize_bilinear(x, [_SIZE, _SIZE]) / 127.5 - 1.0
    kernel = weights(3, 3, 3, 16)
    if masked:
      ones = random.randint(0, 2, [3, 3, 3, 16]).astype(np.float32)
      mask = tf.constant(ones, name='mask')
      kernel = tf.multiply(kernel, mask, name='masked_weight')
    x = tf.nn.conv2d(x, kernel, [1, 2, 2, 1], 'SAME')
    x = tf.nn.relu6(tf.nn.bias_add(x, weights(16)))
    x = tf.nn.depthwise_conv2d_native(
      x, weights(3, 3, 16, 1), [1, 1, 1, 1], 'SAME'
    )
    x = tf.nn.relu6(tf.nn.bias_add(x, weights(16)))
    x = tf.nn.conv2d(x, weights(1, 1, 16, 24), [1, 1, 1, 1], 'SAME')
    x, _, _ = tf.nn.fused_batch_norm(
      x,
      tf.ones([24]),
      weights(24),
      tf.zeros([24]),
      tf.ones([24]),
      is_training=False,
    )
    x = tf.nn.relu(x)
    x = tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')
    left = tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 24, 8), 1, 'SAME'))
    right = tf.nn.relu(tf.nn.conv2d(x, weights(1, 1, 24, 8), 1, 'SAME'))
    x = tf.reshape(tf.concat([left, right], axis=3), [1, -1, 16])
    x = tf.squeeze(x, [0])
    x = tf.matmul(x, weights(16, 5)) + weights(5)
    _, x = tf.while_loop(
      lambda i, _: i < 2, lambda i, v: (i + 1, v * 0.5), [0, x]
    )
    boxes = tf.sigmoid(x[:, :4])
    scores = tf.sigmoid(x[:, 4])
    kept = tf.image.non_max_suppression(boxes, scores, 3)
    found = tf.gather(boxes, kept)
    tf.cast(tf.shape(found)[:1], tf.float32, name=OUTPUTS[0])
    tf.expand_dims(found, 0, name=OUTPUTS[1])
    tf.expand_dims(tf.gather(scores, kept), 0, name=OUTPUTS[2])
    tf.expand_dims(tf.ones_like(kept, tf.float32), 0, name=OUTPUTS[3])
  return graph.as_graph_def()


def sparse(value_bits=rewrite.FLOAT_BITS):
  """The same with sparse ops."""
  return rewrite.rewrite(
    plain(), min_sparsity=0.5, value_bits=value_bits
  ).graph_def


def write_saved_model(folder):
  """Writes a SavedModel of the plain graph, scores times a variable."""
  with tf.Graph().as_default(), tf.Session() as session:
    image, *outputs = tf.import_graph_def(
      plain(),
      return_elements=[f'{n}:0' for n in ('image_tensor',) + OUTPUTS],
      name='',
    )
    scale = tf.get_variable('scale', initializer=0.5)
    outputs[2] = outputs[2] * scale
    session.run(scale.initializer)
    # What a saver draws is in the file, and must be the same in every run.
    with mock.patch.object(uuid, 'uuid4', lambda: uuid.UUID(int=0)):
      tf.saved_model.simple_save(
        session, folder, {'inputs': image}, dict(zip(OUTPUTS, outputs))
      )
  path = os.path.join(folder, 'saved_model.pb')
  with open(path, 'rb') as file:
    saved = saved_model_pb2.SavedModel.FromString(file.read())
  with open(path, 'wb') as file:
    file.write(saved.SerializeToString(deterministic=True))
