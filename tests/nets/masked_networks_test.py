import inspect

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets import inception_v2, mobilenet_v1

from object_detection_pruning.core import kernels, masking
from object_detection_pruning.nets import (
  masked_inception_v2,
  masked_mobilenet_v1,
)

SIZE = 96


def inception(part):
  return (
    getattr(inception_v2, 'inception_v2' + part),
    getattr(masked_inception_v2, 'masked_inception_v2' + part),
  )


def mobilenet(part):
  return (
    getattr(mobilenet_v1, 'mobilenet_v1' + part),
    getattr(masked_mobilenet_v1, 'masked_mobilenet_v1' + part),
  )


def build(network, **kwargs):
  """Builds a network in a graph of its own.

  Returns:
    end points as {name: (op name, shape)}, variables as {name: shape}, masked
    layers.
  """
  with tf.Graph().as_default():
    _, end_points = network(tf.zeros([1, SIZE, SIZE, 3]), **kwargs)
    return (
      {
        name: (tensor.op.name, tensor.shape.as_list())
        for name, tensor in end_points.items()
      },
      {v.op.name: v.shape.as_list() for v in tf.global_variables()},
      [kernel.layer for kernel in masking.masked_kernels()],
    )


# Of the masks in Inception V2 one is that of the separable stem's pointwise
# kernel, and one more that of the logits.
@pytest.mark.parametrize(
  'pair, kwargs, masks',
  [
    (inception('_base'), {}, 69),
    (inception('_base'), {'final_endpoint': 'Mixed_4e'}, 50),
    (inception(''), {'num_classes': 10}, 70),
    (inception(''), {'num_classes': None}, 69),
    (mobilenet('_base'), {}, 14),
    (mobilenet('_base'), {'depth_multiplier': 0.25, 'min_depth': 8}, 14),
    (mobilenet(''), {'num_classes': 10}, 15),
  ],
)
def test_endpoints_and_variables_are_those_of_stock_plus_masks(
  pair, kwargs, masks
):
  stock_points, stock_variables, none = build(pair[0], **kwargs)
  points, variables, layers = build(pair[1], **kwargs)
  assert none == []
  assert points == stock_points
  names = set(variables)
  plain = {
    name: shape
    for name, shape in variables.items()
    if not kernels.is_pruning_variable(name, names)
  }
  assert plain == stock_variables
  assert len(variables) == len(stock_variables) + 2 * len(layers)
  dense = [
    name
    for name, shape in stock_variables.items()
    if kernels.kind_of(name, len(shape)) == kernels.DENSE
  ]
  assert layers == [kernels.layer_name(name) for name in dense]
  assert len(layers) == masks


@pytest.mark.parametrize('pair', [inception(''), mobilenet('')])
def test_signature_and_image_size_are_those_of_stock(pair):
  stock, ours = pair
  assert inspect.signature(ours) == inspect.signature(stock)
  assert ours.default_image_size == stock.default_image_size == 224


def test_arg_scopes_are_those_of_stock():
  assert inception('_arg_scope')[0] is inception('_arg_scope')[1]
  assert mobilenet('_arg_scope')[0] is mobilenet('_arg_scope')[1]


def test_separable_stem_of_inception_is_masked():
  layers = build(masked_inception_v2.masked_inception_v2_base)[2]
  assert layers[0] == 'InceptionV2/Conv2d_1a_7x7'


@pytest.mark.parametrize(
  'pair, kwargs',
  [
    (inception(''), {'num_classes': 3}),
    (mobilenet(''), {'num_classes': 3, 'depth_multiplier': 0.25}),
  ],
)
def test_masks_of_one_leave_the_outputs_as_they_are(pair, kwargs):
  images = np.random.RandomState(0).uniform(-1, 1, [1, SIZE, SIZE, 3])
  outputs, values = [], {}
  for network in pair:
    with tf.Graph().as_default(), tf.Session() as session:
      logits, _ = network(
        tf.constant(images, tf.float32), is_training=False, **kwargs
      )
      variables = {v.op.name: v for v in tf.global_variables()}
      # The second network starts from the values of the first.
      known = {
        variables[name].initializer.inputs[1]: value
        for name, value in values.items()
      }
      session.run(tf.global_variables_initializer(), known)
      values = session.run(variables)
      outputs.append(session.run(logits))
  np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize('pair', [inception(''), mobilenet('')])
def test_reused_network_has_each_mask_once(pair):
  network = pair[1]
  images = tf.zeros([1, SIZE, SIZE, 3])
  network(images, num_classes=3)
  count = len(masking.masked_kernels())
  variables = len(tf.global_variables())
  network(images, num_classes=3, reuse=True)
  assert len(masking.masked_kernels()) == count
  assert len(tf.global_variables()) == variables


def test_network_in_a_scope_of_the_caller_is_masked():
  with tf.variable_scope('mine') as scope:
    pass
  masked_mobilenet_v1.masked_mobilenet_v1_base(
    tf.zeros([1, SIZE, SIZE, 3]), scope=scope
  )
  assert len(masking.masked_kernels()) == 14
  assert masking.masked_kernels()[0].layer == 'mine/Conv2d_0'
