import numpy as np
import pytest
import tensorflow as tf

from object_detection_pruning.core import errors, masking

slim = tf.contrib.slim


def names(collection):
  return [item.op.name for item in tf.get_collection(collection)]


def masked_layers():
  return [kernel.layer for kernel in masking.masked_kernels()]


def images(channels=3):
  return tf.random_normal([2, 6, 6, channels], seed=1)


def variable_names():
  return [variable.op.name for variable in tf.global_variables()]


def set_mask(session, kernel, values):
  session.run(kernel.mask.assign(np.float32(values)))


def test_makes_contribs_variables_ops_and_collections():
  with masking.masking_scope():
    slim.conv2d(images(), 4, 3, scope='net/conv')
  assert variable_names() == [
    'net/conv/weights',
    'net/conv/mask',
    'net/conv/threshold',
    'net/conv/biases',
  ]
  assert names('kernel') == ['net/conv/weights']
  assert names('masks') == ['net/conv/mask']
  assert names('thresholds') == ['net/conv/threshold']
  assert names('masked_weights') == ['net/conv/masked_weight']
  pruning = tf.contrib.model_pruning
  assert [
    pruning.get_weights(),
    pruning.get_masks(),
    pruning.get_thresholds(),
    pruning.get_masked_weights(),
  ] == [[item] for item in masking.masked_kernels()[0][1:]]


def test_masks_start_at_one_and_are_not_trained():
  with masking.masking_scope():
    slim.conv2d(images(), 4, 3, scope='conv')
  (kernel,) = masking.masked_kernels()
  assert kernel.size == 3 * 3 * 3 * 4
  assert kernel.mask.shape == kernel.weights.shape
  assert kernel.threshold.shape.as_list() == []
  assert {v.op.name for v in tf.trainable_variables()} == {
    'conv/weights',
    'conv/biases',
  }
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    assert session.run(kernel.mask).min() == 1
    assert session.run(kernel.threshold) == 0


@pytest.mark.parametrize(
  'layer',
  [
    lambda x: slim.conv2d(x, 4, 3, scope='it'),
    lambda x: slim.conv2d_transpose(x, 4, 3, scope='it'),
    lambda x: slim.separable_conv2d(x, 4, 3, 1, scope='it'),
    lambda x: slim.fully_connected(x, 4, scope='it'),
    lambda x: tf.layers.conv2d(x, 4, 3, name='it'),
    lambda x: tf.layers.separable_conv2d(x, 4, 3, name='it'),
    lambda x: tf.layers.dense(x, 4, name='it'),
  ],
)
def test_masked_weights_reach_the_output(layer):
  with masking.masking_scope():
    y = layer(images())
  (kernel,) = masking.masked_kernels()
  assert kernel.layer == 'it'
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    assert session.run(y).any()
    set_mask(session, kernel, np.zeros(kernel.mask.shape.as_list()))
    assert session.run(kernel.weights).any()
    assert not session.run(y).any()


def test_depthwise_kernels_are_masked_only_on_request():
  x = images()
  with masking.masking_scope():
    slim.separable_conv2d(x, 4, 3, 1, scope='a')
    slim.separable_conv2d(x, None, 3, 1, scope='b')
  assert names('kernel') == ['a/pointwise_weights']
  with masking.masking_scope(depthwise=True):
    y = slim.separable_conv2d(x, 4, 3, 1, scope='c')
  assert names('masks') == ['a/mask', 'c/depthwise_mask', 'c/mask']
  assert names('masked_weights')[1] == 'c/depthwise_masked_weight'
  depthwise = masking.masked_kernels()[1]
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, depthwise, np.zeros([3, 3, 3, 1]))
    assert not session.run(y).any()


def test_patterns_choose_layers_and_exclude_wins():
  x = images()
  with masking.masking_scope(include=['^body', 'head'], exclude=['logits$']):
    slim.conv2d(x, 2, 1, scope='body/a')
    slim.conv2d(x, 2, 1, scope='my_body/a')
    slim.conv2d(x, 2, 1, scope='head/box')
    slim.conv2d(x, 2, 1, scope='head/logits')
  assert masked_layers() == ['body/a', 'head/box']
  assert masking.candidate_layers() == [
    'body/a',
    'my_body/a',
    'head/box',
    'head/logits',
  ]


def test_include_of_nothing_masks_nothing():
  with masking.masking_scope(include=()):
    slim.conv2d(images(), 2, 1, scope='conv')
  assert masked_layers() == []
  assert variable_names() == ['conv/weights', 'conv/biases']


def test_nested_scopes_add_layers_and_exclusions_but_no_second_mask():
  x = images()
  with masking.masking_scope(include=['a'], exclude=['never']):
    slim.conv2d(x, 2, 1, scope='a1')
    slim.conv2d(x, 2, 1, scope='b1')
    with masking.masking_scope(), masking.masking_scope():
      slim.conv2d(x, 2, 1, scope='a2')
      slim.conv2d(x, 2, 1, scope='b2')
      slim.conv2d(x, 2, 1, scope='never')
    slim.conv2d(x, 2, 1, scope='b3')
  slim.conv2d(x, 2, 1, scope='a3')
  assert masked_layers() == ['a1', 'a2', 'b2']
  assert len(tf.global_variables()) == 7 * 2 + 3 * 2


def test_reused_layers_share_one_mask():
  x, y = images(), images()
  with masking.masking_scope():
    first = slim.conv2d(x, 4, 3, scope='conv')
    second = slim.conv2d(y, 4, 3, scope='conv', reuse=True)
    with tf.variable_scope('', reuse=tf.AUTO_REUSE):
      third = slim.conv2d(y, 4, 3, scope='conv')
  assert names('masks') == ['conv/mask']
  assert [len(tf.get_collection(c)) for c in ('kernel', 'thresholds')] == [1, 1]
  (kernel,) = masking.masked_kernels()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, kernel, np.zeros([3, 3, 3, 4]))
    for output in session.run([first, second, third]):
      assert not output.any()


def test_layer_reused_outside_its_rule_stays_masked():
  x = images()
  with masking.masking_scope():
    slim.conv2d(x, 4, 3, scope='conv')
  with masking.masking_scope(include=['other']):
    y = slim.conv2d(x, 4, 3, scope='conv', reuse=True)
  (kernel,) = masking.masked_kernels()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, kernel, np.zeros([3, 3, 3, 4]))
    assert not session.run(y).any()


def test_layers_are_numbered_as_without_masks():
  def build(context):
    with tf.Graph().as_default():
      x = images()
      slim.conv2d(x, 2, 1)
      with context():
        slim.conv2d(x, 2, 1)
        with tf.variable_scope('inner'):
          slim.conv2d(x, 2, 1)
      with context():
        slim.conv2d(x, 2, 1)
        with tf.variable_scope(None, default_name='inner'):
          slim.conv2d(x, 2, 1)
      slim.conv2d(x, 2, 1)
      return [
        op.name
        for op in tf.get_default_graph().get_operations()
        if op.type in ('VariableV2', 'Conv2D')
        and op.name.rpartition('/')[2] not in ('mask', 'threshold')
      ]

  masked_names = build(masking.masking_scope)
  assert masked_names == build(lambda: tf.name_scope(None))
  assert 'Conv_3/weights' in masked_names
  assert 'inner_1/Conv/weights' in masked_names


def test_getter_leaves_with_its_scope_also_after_an_error():
  scope = tf.get_variable_scope()
  with pytest.raises(RuntimeError), masking.masking_scope():
    raise RuntimeError
  assert scope.custom_getter is None
  slim.conv2d(images(), 2, 1, scope='conv')
  assert masked_layers() == []


def test_getter_of_the_user_still_sees_every_variable():
  seen = []

  def getter(getter, name, *args, **kwargs):
    seen.append(name)
    return getter(name, *args, **kwargs)

  with tf.variable_scope('net', custom_getter=getter), masking.masking_scope():
    slim.conv2d(images(), 2, 1, scope='conv')
  assert seen == [
    f'net/conv/{name}' for name in ('weights', 'mask', 'threshold', 'biases')
  ]
  assert masked_layers() == ['net/conv']


def test_decorator_masks_what_the_function_builds():
  @masking.masked(exclude=['head'])
  def build(x, width):
    """Builds."""
    x = slim.conv2d(x, width, 1, scope='body')
    return slim.conv2d(x, 1, 1, scope='head')

  assert build.__doc__ == 'Builds.'
  assert build(images(), width=5).shape.as_list() == [2, 6, 6, 1]
  assert masked_layers() == ['body']
  slim.conv2d(images(), 1, 1, scope='other')
  assert masked_layers() == ['body']


@pytest.mark.parametrize('by_name', [False, True])
def test_decorator_masks_inside_a_variable_scope_given_as_argument(by_name):
  @masking.masked
  def build(x, scope):
    with tf.variable_scope(scope, 'Net', [x]):
      return slim.conv2d(x, 2, 1)

  with tf.variable_scope('mine') as scope:
    pass
  if by_name:
    build(images(), scope=scope)
  else:
    build(images(), scope)
  assert masked_layers() == ['mine/Conv']
  assert scope.custom_getter is None


def test_regularizer_and_gradient_do_as_without_a_mask():
  x = tf.ones([1, 2])
  with masking.masking_scope():
    y = slim.fully_connected(
      x,
      3,
      activation_fn=None,
      weights_regularizer=slim.l2_regularizer(2.0),
      biases_initializer=None,
      scope='fc',
    )
  (kernel,) = masking.masked_kernels()
  (penalty,) = tf.losses.get_regularization_losses()
  (penalty_gradient,) = tf.gradients(penalty, [kernel.weights])
  (gradient,) = tf.gradients(tf.reduce_sum(y), [kernel.weights])
  mask = np.float32([[1, 0, 1], [0, 0, 1]])
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, kernel, mask)
    weights = session.run(kernel.weights)
    assert (weights != 0).all()
    # The penalty is on the weights as they are, masked ones included.
    np.testing.assert_allclose(
      session.run(penalty), (weights**2).sum(), rtol=1e-5
    )
    np.testing.assert_allclose(
      session.run(penalty_gradient), 2 * weights, rtol=1e-5
    )
    np.testing.assert_array_equal(session.run(gradient), mask)


def test_batch_norm_and_activation_stay():
  with slim.arg_scope(
    [slim.conv2d],
    normalizer_fn=slim.batch_norm,
    activation_fn=tf.nn.relu6,
    padding='VALID',
  ), masking.masking_scope():
    y = slim.conv2d(images(), 4, 3, scope='conv')
  assert y.op.type == 'Relu6'
  assert y.shape.as_list() == [2, 4, 4, 4]
  assert 'conv/BatchNorm/moving_mean' in variable_names()
  assert 'conv/biases' not in variable_names()


def test_masks_are_saved_and_restored_with_the_model():
  with masking.masking_scope():
    slim.conv2d(images(), 2, 1, scope='conv')
  for variables in (tf.model_variables(), tf.global_variables()):
    assert {'conv/mask', 'conv/threshold'} < {v.op.name for v in variables}


def test_user_collects_raw_weights_and_no_masks():
  collections = {'weights': ['mine'], 'biases': ['other']}
  with masking.masking_scope():
    slim.conv2d(images(), 2, 1, variables_collections=collections, scope='conv')
    tf.get_variable(
      'fc/weights', [2, 2], collections=['mine', tf.GraphKeys.GLOBAL_VARIABLES]
    )
  assert names('mine') == ['conv/weights', 'fc/weights']
  assert {'conv/mask', 'fc/mask'} < set(variable_names())


def test_regularizer_counts_once_however_often_a_layer_is_reused():
  def build():
    x = images()
    with slim.arg_scope(
      [slim.conv2d, slim.separable_conv2d, slim.fully_connected],
      weights_regularizer=slim.l2_regularizer(1.0),
    ):
      for reuse in (None, True, tf.AUTO_REUSE):
        slim.conv2d(x, 2, 1, reuse=reuse, scope='conv')
        slim.separable_conv2d(x, 2, 3, 1, reuse=reuse, scope='sep')
        slim.fully_connected(x, 2, reuse=reuse, scope='fc')
    return names(tf.GraphKeys.REGULARIZATION_LOSSES)

  with tf.Graph().as_default():
    stock = build()
  with masking.masking_scope():
    assert build() == stock
  assert len(masked_layers()) == 3


def test_masked_kernel_computes_like_a_tensor():
  with masking.masking_scope():
    kernel = tf.get_variable('weights', [2, 2])
  (masked,) = masking.masked_kernels()
  results = [
    kernel,
    kernel + 1,
    2 * kernel,
    -kernel,
    kernel[0],
    kernel @ kernel,
  ]
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, masked, np.eye(2))
    raw = session.run(masked.weights)
    it = raw * np.eye(2)
    for result, expected in zip(
      session.run(results),
      [it, it + 1, 2 * it, -it, it[0], it @ it],
    ):
      np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_kernel_that_is_first_used_in_a_loop_can_be_used_outside():
  def step(i, x):
    with tf.variable_scope('', reuse=tf.AUTO_REUSE):
      return i + 1, slim.conv2d(x, 3, 1, activation_fn=None, scope='conv')

  x = images()
  with masking.masking_scope():
    _, looped = tf.while_loop(lambda i, _: i < 2, step, [0, x])
    _, once = step(0, x)
    twice = step(0, once)[1]
  assert masked_layers() == ['conv']
  (kernel,) = masking.masked_kernels()
  gradient = tf.gradients(tf.reduce_sum(looped), [kernel.weights])[0]
  mask = np.ones([1, 1, 3, 3], np.float32)
  mask[0, 0, 1] = 0
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, kernel, mask)
    a, b, masked_gradient = session.run([looped, twice, gradient])
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert (masked_gradient[mask == 0] == 0).all()
    assert (masked_gradient[mask == 1] != 0).all()


def test_kernel_used_in_a_condition_after_it_was_used_outside():
  x = images()
  with masking.masking_scope():
    outside = slim.conv2d(x, 3, 1, scope='conv')
    inside = tf.cond(
      tf.constant(True),
      lambda: slim.conv2d(x, 3, 1, scope='conv', reuse=True),
      lambda: x,
    )
  assert masked_layers() == ['conv']
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, masking.masked_kernels()[0], np.eye(3)[None, None])
    a, b = session.run([outside, inside])
    np.testing.assert_array_equal(a, b)


def test_resource_variables_are_masked():
  with tf.variable_scope('net', use_resource=True), masking.masking_scope():
    y = slim.conv2d(images(), 2, 1, scope='conv')
    slim.conv2d(images(), 2, 1, scope='conv', reuse=True)
  (kernel,) = masking.masked_kernels()
  assert kernel.weights.op.type == kernel.mask.op.type == 'VarHandleOp'
  assert kernel.masked_weight.op.name == 'net/conv/masked_weight'
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    set_mask(session, kernel, np.zeros([1, 1, 3, 2]))
    assert not session.run(y).any()


def test_partitioned_kernel_is_an_error_and_not_left_dense():
  partitioner = tf.fixed_size_partitioner(2)
  with tf.variable_scope('net', partitioner=partitioner), masking.masking_scope(
    exclude=['a']
  ):
    slim.conv2d(images(), 2, 1, scope='a')
    with pytest.raises(errors.InputError, match='net/b/weights is partitioned'):
      slim.conv2d(images(), 2, 1, scope='b')


@pytest.mark.parametrize('field', ['include', 'exclude'])
def test_broken_pattern_fails_before_anything_is_built(field):
  with pytest.raises(
    errors.InputError, match=f'^{field} must be'
  ), masking.masking_scope(**{field: ['(']}):
    slim.conv2d(images(), 2, 1)
  assert tf.global_variables() == []
  assert tf.get_variable_scope().custom_getter is None
