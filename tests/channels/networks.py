"""Small networks for channel tests, and detectors with random weights."""

from typing import Dict, List

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet import conv_blocks, mobilenet_v2
from nets.mobilenet_v1 import slim

from object_detection_pruning.builders import inference_graph
from object_detection_pruning.channels import groups, plan, surgery
from object_detection_pruning.core import widths

SIZE = 16
BATCH_NORM = {
  'normalizer_fn': slim.batch_norm,
  'normalizer_params': {'is_training': False, 'scale': True},
}
# The detectors that channel pruning must work on.
DETECTORS = {
  'ssd_mobilenet_v1': lambda: detectors.ssd(),
  'ssd_mobilenet_v2': lambda: detectors.ssd('ssd_mobilenet_v2'),
  'ssd_resnet50_fpn': lambda: detectors.ssd('ssd_resnet50_v1_fpn', depth=1.0),
  'faster_rcnn_inception_v2': lambda: detectors.faster_rcnn(),
  'faster_rcnn_resnet50': lambda: detectors.faster_rcnn('faster_rcnn_resnet50'),
  'mask_rcnn_inception_v2': lambda: detectors.faster_rcnn(instance_masks=True),
  'ssd_pnasnet': lambda: detectors.ssd('ssd_pnasnet'),
  'faster_rcnn_nas': lambda: detectors.faster_rcnn('faster_rcnn_nas'),
}
# Their names, as parameters of a test.
NAMES = [
  'ssd_mobilenet_v1',
  pytest.param('ssd_mobilenet_v2', marks=pytest.mark.slow),
  pytest.param('ssd_resnet50_fpn', marks=pytest.mark.slow),
  pytest.param('faster_rcnn_inception_v2', marks=pytest.mark.slow),
  pytest.param('faster_rcnn_resnet50', marks=pytest.mark.slow),
  'mask_rcnn_inception_v2',
  pytest.param('ssd_pnasnet', marks=pytest.mark.slow),
  pytest.param('faster_rcnn_nas', marks=pytest.mark.slow),
]
# For tests that take longer with each: one of them runs by default.
ONE_BY_DEFAULT = [
  pytest.param(
    name, marks=[] if name == 'ssd_mobilenet_v1' else pytest.mark.slow
  )
  for name in DETECTORS
]


def build(network, layer_widths=()) -> inference_graph.InferenceGraph:
  """Builds a function of an image that returns a tensor, and its graph."""
  with tf.Graph().as_default() as built:
    image = tf.placeholder(tf.float32, [1, SIZE, SIZE, 3])
    with widths.width_scope(layer_widths):
      outputs = [network(image)]
  return inference_graph.InferenceGraph(built, image, outputs, outputs)


def find(network) -> groups.Channels:
  """Gives the channel groups of a function as `build` takes it."""
  built = build(network)
  return groups.find(built.graph, built.outputs)


def group(channels: groups.Channels, layer: str) -> groups.ChannelGroup:
  """Gives the one group that a layer's filters belong to."""
  (found,) = [each for each in channels.groups if layer in each.layers]
  return found


def places(found: groups.ChannelGroup) -> Dict:
  """Gives the indices of a group by (variable, axis), repeats flattened."""
  return {
    (part.variable, part.axis): part.indices.reshape(-1).tolist()
    for part in found.slices
  }


def random_tensors(built: inference_graph.InferenceGraph, seed=0) -> Dict:
  """Gives every variable values that keep activations near one."""
  random = np.random.RandomState(seed)
  tensors = {}
  for variable in built.graph.get_collection('variables'):
    name, shape = variable.op.name, variable.shape.as_list()
    if 'variance' in name:
      value = random.uniform(0.5, 1.5, shape)
    elif 'gamma' in name:
      # A residual sum of many units would otherwise grow without bound.
      value = random.uniform(0.2, 0.6, shape)
    elif len(shape) > 1:
      value = random.normal(0, 1, shape) * (2 / np.prod(shape[:-1])) ** 0.5
    else:
      value = random.normal(0, 0.1, shape)
    tensors[name] = value.astype(np.float32)
  return tensors


def run(built: inference_graph.InferenceGraph, tensors: Dict, seed=0) -> List:
  """Gives what a network makes of a noise image."""
  image = np.random.RandomState(seed).uniform(
    0, 255, built.image.shape.as_list()
  )
  with tf.Session(graph=built.graph) as session:
    variables = built.graph.get_collection('variables')
    session.run(
      [variable.initializer for variable in variables],
      {v.initializer.inputs[1]: tensors[v.op.name] for v in variables},
    )
    return session.run(built.predictions + built.outputs, {built.image: image})


def assert_same(ours: List, theirs: List) -> None:
  """Asserts that outputs are equal up to 1e-5 of their scale.

  Activations are near one, so what cancels out to less is rounded as these are.
  """
  assert len(ours) == len(theirs)
  for one, other in zip(ours, theirs):
    assert one.shape == other.shape
    assert np.isfinite(other).all()
    np.testing.assert_allclose(
      one, other, rtol=0, atol=1e-5 * max(np.abs(other).max(), 1)
    )


def random_plan(
  channels: groups.Channels, positions=None, seed=0, share=1.0
) -> plan.Plan:
  """Removes some channels of a share of the groups; one is left at least."""
  random = np.random.RandomState(seed)
  removed = {}
  for each in channels.prunable:
    if random.uniform() >= share:
      continue
    count = random.randint(1, each.size) if each.size > 1 else 0
    removed[each.name] = np.sort(random.permutation(each.size)[:count])
  return plan.Plan(channels, positions or {}, removed).check()


def assert_exact(network, seed=0, made=None) -> plan.Plan:
  """Asserts that surgery equals silence on a network.

  Args:
    network: as `build` takes it.
    seed: of weights and, where there is no plan, of a random one.
    made: the plan.

  Returns:
    The plan.
  """
  built = build(network)
  if made is None:
    made = random_plan(groups.find(built.graph, built.outputs), seed=seed)
  tensors = random_tensors(built, seed)
  narrow = build(network, made.layer_widths())
  assert narrow.op_counts() == built.op_counts()
  assert_same(
    run(narrow, surgery.narrow(tensors, made)),
    run(built, surgery.silence(tensors, made)),
  )
  return made


def inverted_residuals(image):
  """MobileNet V2 up to a block that is wider than the one before it."""
  with slim.arg_scope(mobilenet_v2.training_scope(is_training=False)):
    net, _ = mobilenet_v2.mobilenet_base(
      image, depth_multiplier=0.25, final_endpoint='layer_13'
    )
  return tf.nn.softmax(slim.conv2d(net, 3, [1, 1], scope='last'))


def unexpanded_block(image):
  """Blocks of MobileNet V3: the first expands nothing, the last by three."""
  net = slim.conv2d(image, 16, [3, 3], scope='first')
  for factor, depth in ((1, 8), (3, 8), (3, 8)):
    net = conv_blocks.expanded_conv(
      net, depth, conv_blocks.expand_input_by_factor(factor)
    )
  return tf.nn.softmax(slim.conv2d(net, 3, [1, 1], scope='last'))


def _gated(net, name):
  channels = net.shape[3].value
  squeezed = tf.reduce_mean(net, [1, 2], keepdims=True)
  squeezed = slim.conv2d(squeezed, 3, [1, 1], scope=name + '/squeeze')
  gate = slim.conv2d(
    squeezed, channels, [1, 1], activation_fn=tf.sigmoid, scope=name + '/excite'
  )
  return net * gate


def squeeze_excitation(image):
  """Two blocks whose channels are scaled by gates."""
  net = slim.conv2d(image, 8, [3, 3], **BATCH_NORM, scope='first')
  net = _gated(net, 'one')
  net = slim.conv2d(net, 6, [3, 3], scope='second')
  net = _gated(net, 'two')
  net = slim.flatten(slim.avg_pool2d(net, [4, 4], 4))
  return tf.nn.softmax(slim.fully_connected(net, 3, scope='last'))
