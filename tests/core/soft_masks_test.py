import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from object_detection_pruning.common import errors
from object_detection_pruning.core import gathering, masking, soft_masks

SHAPE = (3, 4)
RATE = 0.25
END = 6
# With these numbers every product and sum of the test is exact.
matrices = arrays.arrays(
  np.float32, SHAPE, elements=st.integers(-4, 4).map(float)
)
masks = arrays.arrays(np.float32, SHAPE, elements=st.sampled_from([0.0, 1.0]))


class Network:
  """One kernel whose gradient is fed, trained by gradient descent."""

  def __init__(self, use_resource, **scope):
    step = tf.train.get_or_create_global_step()
    self.gradient = tf.placeholder(tf.float32, SHAPE)
    with tf.variable_scope(
      '', use_resource=use_resource
    ), masking.masking_scope(soft_until=END, **scope):
      product = tf.get_variable('net/weights', SHAPE)
    (self.kernel,) = masking.masked_kernels()
    loss = tf.reduce_sum(product * self.gradient)
    optimizer = tf.train.GradientDescentOptimizer(RATE)
    self.train = optimizer.minimize(loss, step)
    self.variables = [self.kernel.weights, self.kernel.mask, step]
    self.fed = [tf.placeholder(v.dtype.base_dtype) for v in self.variables]
    self.load = [
      tf.assign(variable, value, validate_shape=False)
      if not use_resource
      else variable.assign(tf.reshape(value, variable.shape))
      for variable, value in zip(self.variables, self.fed)
    ]


@pytest.fixture(
  scope='module',
  params=[
    (False, {}),
    (True, {}),
    (False, {'gradients': True}),
    (False, {'criterion': 'movement'}),
  ],
  ids=str,
)
def network(request):
  use_resource, scope = request.param
  with tf.Graph().as_default() as graph:
    made = Network(use_resource, **scope)
    with tf.Session(graph=graph) as session:
      made.session = session
      session.run(tf.global_variables_initializer())
      yield made


@settings(deadline=None, max_examples=25)
@given(weights=matrices, mask=masks, gradient=matrices, step=st.integers(0, 9))
def test_gradient_passes_the_mask_until_the_last_update(
  network, weights, mask, gradient, step
):
  given_values = dict(zip(network.fed, (weights, mask, step)))
  network.session.run(network.load, given_values)
  product = network.session.run(network.kernel.masked_weight)
  np.testing.assert_array_equal(product, weights * mask)
  network.session.run(network.train, {network.gradient: gradient})
  # The run that counts END has the last masks already.
  passed = 1 if step + 1 < END else mask
  expected = weights - np.float32(RATE) * gradient * passed
  after = network.session.run(network.kernel.weights)
  np.testing.assert_array_equal(after, expected)


def values_of(build, mask, weights):
  """Gives a gradient of a kernel in a graph that is built for it."""
  with tf.Graph().as_default(), tf.Session() as session:
    tf.train.create_global_step()
    with masking.masking_scope(soft_until=END):
      loss = build(tf.get_variable('a/weights', SHAPE))
    (kernel,) = masking.masked_kernels()
    (gradient,) = tf.gradients(loss, [kernel.weights])
    session.run(tf.global_variables_initializer())
    session.run(kernel.mask.assign(mask))
    session.run(kernel.weights.assign(weights))
    return session.run(gradient)


def test_gradient_in_a_loop_is_that_outside_of_it():
  random = np.random.RandomState(0)
  mask = (random.uniform(size=SHAPE) < 0.5).astype(np.float32)
  weights = random.normal(size=SHAPE).astype(np.float32)

  def loss_of(kernel):
    return tf.reduce_sum((tf.convert_to_tensor(kernel) - 1) ** 2)

  def again():
    with tf.variable_scope('', reuse=True):
      return tf.get_variable('a/weights', SHAPE)

  def in_a_loop(first):
    return tf.while_loop(
      lambda i, _: i < 2,
      lambda i, total: (i + 1, total + loss_of(again())),
      [0, loss_of(first)],
    )[1]

  found = values_of(in_a_loop, mask, weights)
  expected = values_of(lambda first: 3 * loss_of(first), mask, weights)
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  np.testing.assert_allclose(found, 6 * (weights * mask - 1), rtol=1e-6)


def test_masks_are_hard_unless_they_are_asked_to_be_soft():
  def ops(**scope):
    with tf.Graph().as_default() as graph:
      with masking.masking_scope(**scope):
        tf.get_variable('a/weights', SHAPE)
      (kernel,) = masking.masked_kernels()
      return soft_masks.end_of(kernel.masked_weight), graph.as_graph_def()

  hard, expected = ops()
  soft, found = ops(soft_until=END)
  assert (hard, soft) == (None, END)
  # The forward pass is the same, and so are all variables.
  assert [(n.name, n.op, n.input) for n in found.node] == [
    (n.name, n.op, n.input) for n in expected.node
  ]


def test_scopes_within_each_other_agree():
  with masking.masking_scope(
    include=(), soft_until=END
  ), masking.masking_scope():
    tf.get_variable('a/weights', SHAPE)
  (kernel,) = masking.masked_kernels()
  assert soft_masks.end_of(kernel.masked_weight) == END
  assert not gathering.notes_gradients(kernel.masked_weight)
  with pytest.raises(
    errors.InputError, match='one soft_until, got 5 and 6'
  ), masking.masking_scope(soft_until=5), masking.masking_scope(soft_until=6):
    tf.get_variable('b/weights', SHAPE)
  with pytest.raises(
    errors.InputError, match='soft_until must be a whole number of steps'
  ), masking.masking_scope(soft_until=-1):
    pass


def test_graph_without_a_global_step_is_an_error():
  with masking.masking_scope(soft_until=END):
    product = tf.get_variable('a/weights', SHAPE)
  with pytest.raises(errors.InputError, match='need a global step'):
    tf.gradients(product.as_tensor(), tf.trainable_variables())
