"""A layer may be left with a single channel."""

import networks
import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import plan, surgery

slim = networks.slim


def _network(image):
  net = slim.conv2d(image, 4, [3, 3], **networks.BATCH_NORM, scope='one')
  net = slim.separable_conv2d(net, None, [3, 3], 1, scope='deep')
  net = slim.conv2d(net, 5, [1, 1], scope='two')
  net = tf.reduce_mean(net, [1, 2])
  return tf.nn.softmax(slim.fully_connected(net, 3, scope='last'))


def test_last_channel_works_alone():
  built = networks.build(_network)
  channels = networks.find(_network)
  removed = {
    group.name: np.arange(1, group.size) for group in channels.prunable
  }
  made = plan.Plan(channels, {}, removed).check()
  assert [width.filters for width in made.layer_widths()] == [3, 1, 1]
  tensors = networks.random_tensors(built)
  narrow = networks.build(_network, made.layer_widths())
  networks.assert_same(
    networks.run(narrow, surgery.narrow(tensors, made)),
    networks.run(built, surgery.silence(tensors, made)),
  )
