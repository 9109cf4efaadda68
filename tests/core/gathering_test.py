import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  criteria,
  gathering,
  kernels,
  masking,
  pruner,
)
from object_detection_pruning.export import stripping

SHAPE = (3, 4)
RATE = 0.25
# With these numbers every product and sum of the test is exact.
numbers = st.integers(-4, 4).map(float)
matrices = arrays.arrays(np.float32, SHAPE, elements=numbers)
STEP = {
  'taylor': lambda weights, gradient: np.abs(weights * gradient),
  'movement': lambda weights, gradient: -weights * gradient,
}


class Network:
  """One kernel whose gradient is fed, trained by gradient descent."""

  def __init__(self, criterion, use_resource):
    self.gradient = tf.placeholder(tf.float32, SHAPE)
    with tf.variable_scope(
      '', use_resource=use_resource
    ), masking.masking_scope(criterion=criterion):
      product = tf.get_variable('net/weights', SHAPE)
    (self.kernel,) = masking.masked_kernels()
    # The raw kernel is penalized, which is no gradient of the masked one.
    loss = tf.reduce_sum(product * self.gradient)
    penalty = tf.reduce_sum(self.kernel.weights)
    self.train = tf.train.GradientDescentOptimizer(RATE).minimize(
      loss + penalty
    )
    (self.scores,) = gathering.scores(
      criteria.find(criterion), [self.kernel.weights]
    )


@pytest.fixture(
  scope='module',
  params=[('taylor', False), ('movement', False), ('movement', True)],
  ids=str,
)
def network(request):
  with tf.Graph().as_default() as graph:
    made = Network(*request.param)
    made.criterion = request.param[0]
    made.values = [tf.placeholder(tf.float32, SHAPE) for _ in range(3)]
    variables = (made.kernel.weights, made.kernel.mask, made.scores)
    made.load = [
      tf.assign(variable, value)
      for variable, value in zip(variables, made.values)
    ]
    with tf.Session(graph=graph) as session:
      made.session = session
      yield made


@settings(deadline=None, max_examples=25)
@given(
  weights=matrices,
  mask=arrays.arrays(np.float32, SHAPE, elements=st.sampled_from([0.0, 1.0])),
  gradients=st.lists(matrices, min_size=1, max_size=4),
)
def test_scores_are_the_sum_over_steps_of_weights_before_each(
  network, weights, mask, gradients
):
  start = (weights, mask, np.zeros(SHAPE))
  network.session.run(network.load, dict(zip(network.values, start)))
  expected = np.zeros(SHAPE, np.float32)
  for gradient in gradients:
    network.session.run(network.train, {network.gradient: gradient})
    # Of masked weights as well, which may come back.
    expected += STEP[network.criterion](weights, gradient)
    weights = weights - np.float32(RATE) * (gradient * mask + 1)
  found = network.session.run([network.scores, network.kernel.weights])
  np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(found[1], weights, rtol=1e-5, atol=1e-5)


def test_least_scores_go_those_below_zero_first(network):
  scores = np.float32(np.arange(12).reshape(SHAPE) - 6)[:, ::-1]
  start = (np.ones(SHAPE), np.ones(SHAPE), scores)
  with network.session.graph.as_default():
    the_pruner = pruner.Pruner(
      [network.kernel], criteria.find(network.criterion)
    )
  network.session.run(network.load, dict(zip(network.values, start)))
  the_pruner.check_gathered(network.session)
  the_pruner.update(network.session, [7])
  mask, threshold = network.session.run(
    [network.kernel.mask, network.kernel.threshold]
  )
  np.testing.assert_array_equal(mask, scores > 0)
  assert threshold == 0
  np.testing.assert_array_equal(the_pruner.scores(network.session)[0], scores)
  network.session.run(
    network.load, dict(zip(network.values, start[:2] + (0 * scores,)))
  )
  with pytest.raises(errors.InputError, match='has gathered no scores yet'):
    the_pruner.check_gathered(network.session)


def build(trained=('a', 'b'), **scope):
  """Builds two kernels and trains some of them."""
  with masking.masking_scope(**scope):
    products = {
      name: tf.get_variable(f'{name}/weights', SHAPE) for name in ('a', 'b')
    }
  loss = tf.add_n([tf.reduce_sum(products[name] ** 2) for name in 'ab'])
  variables = [tf.trainable_variables(name)[0] for name in trained]
  if variables:
    tf.train.GradientDescentOptimizer(0.1).minimize(loss, var_list=variables)
  return masking.masked_kernels()


@pytest.mark.parametrize(
  'trained, scope, words',
  [
    ('', {'criterion': 'movement'}, 'nothing in this graph takes any: make'),
    (
      'b',
      {'criterion': 'movement'},
      '1 of 2 have none, a/masked_weight for one: nothing trains them',
    ),
    ('ab', {}, '2 of 2 kernels have none, a/pruning_score_movement for one'),
    ('ab', {'criterion': 'taylor'}, "masking_scope(criterion='movement')"),
  ],
)
def test_what_cannot_be_gathered_is_said_in_one_line(trained, scope, words):
  found = build(trained, **scope)
  with pytest.raises(errors.InputError) as error:
    pruner.Pruner(found, criteria.find('movement'))
  assert words in str(error.value)
  assert '\n' not in str(error.value)


def test_gradients_are_those_of_masked_kernels_where_noted():
  found = build(gradients=True)
  assert not tf.get_default_graph().get_collection(gathering.SCORES)
  gradients = gathering.gradients([kernel.masked_weight for kernel in found])
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(found[1].mask.assign(tf.zeros(SHAPE)))
    values, weights = session.run([gradients, found[0].weights])
  np.testing.assert_allclose(values[0], 2 * weights, rtol=1e-6)
  np.testing.assert_array_equal(values[1], np.zeros(SHAPE))
  plain = build_elsewhere()
  with pytest.raises(errors.InputError, match=r'masking_scope\(gradients=True'):
    gathering.gradients([plain.masked_weight])


def build_elsewhere():
  with tf.Graph().as_default():
    return build()[0]


def test_criterion_of_an_outer_scope_holds_for_masks_of_inner_ones():
  with masking.masking_scope(include=(), criterion='taylor'):
    build()
  names = [v.op.name for v in tf.get_collection(gathering.SCORES)]
  assert names == ['a/pruning_score_taylor', 'b/pruning_score_taylor']
  with pytest.raises(
    errors.InputError, match='got movement and taylor'
  ), masking.masking_scope(
    include=(), criterion='movement'
  ), masking.masking_scope(criterion='taylor'):
    tf.get_variable('c/weights', SHAPE)


def test_criterion_that_gathers_nothing_changes_no_graph():
  def ops(**scope):
    with tf.Graph().as_default() as graph:
      build(**scope)
      return graph.as_graph_def()

  assert ops(criterion='magnitude') == ops()


def test_kernel_in_a_loop_is_refused():
  build(criterion='movement')
  with tf.variable_scope(
    '', reuse=True
  ), masking.masking_scope(), pytest.raises(
    errors.InputError, match='loop or a condition'
  ):
    tf.while_loop(
      lambda i: i < 2,
      lambda i: i + tf.reduce_sum(tf.get_variable('a/weights', SHAPE)),
      [0.0],
    )


def test_scores_are_dropped_with_the_masks():
  found = build(criterion='movement')
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    tensors = {v.op.name: session.run(v) for v in tf.global_variables()}
  assert 'a/pruning_score_movement' in tensors
  stripped = stripping.strip(tensors)
  assert sorted(stripped.tensors) == ['a/weights', 'b/weights']
  assert len(found) == 2


def test_names_of_scores():
  names = [
    kernels.score_name(f'net/{kernel}', 'movement')
    for kernel in ('weights', 'pointwise_kernel', 'depthwise_weights')
  ]
  assert names == [
    'net/pruning_score_movement',
    'net/pruning_score_movement',
    'net/depthwise_pruning_score_movement',
  ]
  assert {kernels.criterion_of_score(name) for name in names} == {'movement'}
  assert kernels.score_names('net/weights', names + ['other']) == names[:2]
  beside = {'net/weights'}
  assert kernels.is_pruning_variable(names[0], beside)
  assert not kernels.is_pruning_variable(names[2], beside)
  assert not kernels.is_pruning_variable('net/score', beside)
