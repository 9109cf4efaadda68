import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  masking,
  pruning_method,
  schedules,
)
from object_detection_pruning.hooks import model_pruning_hook

HALF = schedules.ConstantSchedule(0.5, 0, 1)
IMAGE = [1, 8, 8, 4]


def convolution(image):
  return tf.layers.conv2d(image, 8, 3, name='net')


def on_a_vector(image):
  return tf.layers.dense(tf.reduce_mean(image, [1, 2]), 8, name='net')


def dense(image):
  return tf.layers.dense(image, 8, name='net')


def in_a_line(image):
  return tf.layers.conv1d(image[0], 8, 3, name='net')


def transposed(image):
  return tf.layers.conv2d_transpose(image, 8, 3, name='net')


def deep(image):
  return tf.layers.conv3d_transpose(image[..., None], 8, 3, name='net')


def depthwise(image):
  return tf.layers.separable_conv2d(image, 8, 3, depth_multiplier=2, name='net')


def half_transposed(image):
  net = tf.layers.conv2d_transpose(tf.cast(image, tf.float16), 8, 3, name='net')
  return tf.cast(net, tf.float32)


def looped(image):
  return tf.map_fn(
    lambda each: tf.layers.conv2d_transpose(each[None], 8, 3, name='net')[0],
    image,
  )


def masked(build, resource=False):
  """Builds and trains a masked layer; gives what trains it."""
  tf.train.create_global_step()
  with tf.variable_scope('', use_resource=resource), masking.masking_scope(
    depthwise=True
  ):
    net = build(tf.ones(IMAGE))
  loss = tf.reduce_sum(tf.square(net))
  return tf.train.GradientDescentOptimizer(1e-3).minimize(
    loss, tf.train.get_global_step()
  )


def plan(granularity, **options):
  method = pruning_method.PruningMethod(granularity=granularity, **options)
  return method.plan(HALF, masking.masked_kernels())


@pytest.mark.parametrize('build', [convolution, on_a_vector, dense, in_a_line])
def test_half_of_the_filters_become_zero(graph, build):
  train = masked(build)
  hook = model_pruning_hook.ModelPruningHook.from_schedule(
    HALF, granularity='filter'
  )
  (kernel,) = masking.masked_kernels()
  with tf.train.MonitoredSession(hooks=[hook]) as session:
    for _ in range(2):
      session.run(train)
    weights = session.run(kernel.masked_weight)
  assert weights.shape[-1] == 8
  outputs = np.abs(weights).reshape([-1, 8]).sum(0)
  assert (outputs == 0).sum() == 4


TRANSPOSED = (
  'layer net is a transposed convolution, with inputs and outputs swapped, so '
  'granularity {} does not go with it: exclude the layer, give it a '
  'layer_sparsity of 0, or take granularity weight'
)


@pytest.mark.parametrize('resource', [False, True])
@pytest.mark.parametrize(
  ('build', 'message'),
  [
    (transposed, TRANSPOSED),
    (deep, TRANSPOSED),
    (half_transposed, TRANSPOSED),
    (looped, TRANSPOSED),
  ],
)
@pytest.mark.parametrize('granularity', ['filter', '2:4', '4x1'])
def test_kernels_with_other_axes_are_refused(
  graph, build, message, granularity, resource
):
  masked(build, resource)
  with pytest.raises(errors.InputError) as error:
    plan(granularity)
  assert str(error.value) == message.format(granularity)


@pytest.mark.parametrize('resource', [False, True])
def test_n_of_m_has_nothing_to_mask_in_a_depthwise_kernel(graph, resource):
  masked(depthwise, resource)
  with pytest.raises(errors.InputError) as error:
    plan('2:4')
  assert str(error.value) == (
    'the depthwise kernel of layer net is masked, and has one input for each '
    'output, of which granularity 2:4 masks none: mask no depthwise kernels, '
    'or take another granularity'
  )


@pytest.mark.parametrize(
  ('granularity', 'shape'),
  [('filter', (9, 1)), ('9x2', (9, 2)), ('4x1', (4, 1))],
)
def test_depthwise_kernels_are_positions_by_outputs(graph, granularity, shape):
  train = masked(depthwise)
  hook = model_pruning_hook.ModelPruningHook.from_schedule(
    HALF, granularity=granularity
  )
  kernel, _ = masking.masked_kernels()
  assert kernel.shape == [3, 3, 4, 2]
  with tf.train.MonitoredSession(hooks=[hook]) as session:
    for _ in range(2):
      session.run(train)
    mask = session.run(kernel.mask)
  seen = mask.reshape([9, -1])
  assert (seen == 0).mean() == pytest.approx(0.5, abs=0.06)
  rows, columns = shape
  for row in range(0, 9, rows):
    for column in range(0, seen.shape[1], columns):
      block = seen[row : row + rows, column : column + columns]
      assert block.min() == block.max()


def test_blocks_larger_than_a_kernel_are_refused_by_its_name(graph):
  masked(convolution)
  with pytest.raises(errors.InputError) as error:
    plan('512x512')
  (kernel,) = masking.masked_kernels()
  inputs, outputs = kernel.shape[-2:]
  assert str(error.value) == (
    'blocks of granularity 512x512 are larger than the kernel of layer net, '
    f'which has {inputs} inputs and {outputs} outputs: take smaller ones, or '
    'exclude the layer'
  )


def test_hook_refuses_before_the_session(graph):
  masked(transposed)
  hook = model_pruning_hook.ModelPruningHook.from_schedule(
    HALF, granularity='filter'
  )
  with pytest.raises(errors.InputError, match='is a transposed convolution'):
    hook.begin()


@pytest.mark.parametrize('build', [transposed, depthwise])
def test_any_kernel_loses_single_weights(graph, build):
  masked(build)
  assert sum(plan('weight').zeros_at(1)) > 0


def test_square_blocks_are_the_same_in_a_transposed_convolution(graph):
  masked(transposed)
  assert plan('2x2').zeros_at(1) == [144]
  with pytest.raises(errors.InputError, match='is a transposed convolution'):
    plan('2x4')


@pytest.mark.parametrize('build', [transposed, depthwise])
def test_layer_that_stays_dense_may_have_any_axes(graph, build):
  masked(build)
  entry = allocation.LayerSparsity('net', 0.0)
  assert not any(plan('filter', layer_sparsities=[entry]).zeros_at(1))


def test_gradient_of_a_transposed_convolution_is_told_from_a_layer(graph):
  # The ops are the same ones, in the other order.
  for build, fits in ((convolution, True), (transposed, False)):
    with tf.Graph().as_default() as graph:
      masked(build)
      kinds = [op.type for op in graph.get_operations()]
      assert {'Conv2D', 'Conv2DBackpropInput'} <= set(kinds)
      if fits:
        plan('filter')
        continue
      with pytest.raises(errors.InputError):
        plan('filter')
