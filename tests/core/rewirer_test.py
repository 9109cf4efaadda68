import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from object_detection_pruning.common import errors
from object_detection_pruning.core import masking, regrowth, rewirer

SHAPES = ((2, 3), (1, 1, 3, 4))
values = st.one_of(
  st.floats(-9, 9, width=32), st.integers(-2, 2).map(float)
)  # Few values, so that ties are the rule.


class Network:
  """Two kernels whose gradients are fed."""

  def __init__(self, form, use_resource):
    self.gradients = [tf.placeholder(tf.float32, shape) for shape in SHAPES]
    with tf.variable_scope(
      '', use_resource=use_resource
    ), masking.masking_scope(gradients=True):
      products = [
        tf.get_variable(f'{name}/weights', shape)
        for name, shape in zip('ab', SHAPES)
      ]
    loss = tf.add_n(
      [tf.reduce_sum(p * g) for p, g in zip(products, self.gradients)]
    )
    tf.gradients(loss, tf.trainable_variables())
    self.kernels = masking.masked_kernels()
    average = tf.train.ExponentialMovingAverage(0.9)
    average.apply([self.kernels[0].weights])
    self.average = average.average(self.kernels[0].weights)
    variables = [self.average]
    for kernel in self.kernels:
      variables += [kernel.weights, kernel.mask]
    self.inputs = [tf.placeholder(tf.float32, v.shape) for v in variables]
    self.load = [tf.assign(v, i) for v, i in zip(variables, self.inputs)]
    self.rewirer = rewirer.Rewirer(self.kernels, regrowth.find(form))


@pytest.fixture(
  scope='module', params=[('set', False), ('rigl', False), ('rigl', True)]
)
def network(request):
  with tf.Graph().as_default() as graph:
    made = Network(*request.param)
    made.form = request.param[0]
    with tf.Session(graph=graph) as session:
      made.session = session
      yield made


def rewire(network, weights, masks, gradients, numbers, step=5):
  """Gives weights, masks and the average after an update."""
  fed = [7 * np.ones(SHAPES[0])]
  for pair in zip(weights, masks):
    fed += pair
  network.session.run(network.load, dict(zip(network.inputs, fed)))

  # A program reads its data by itself, and the rewirer feeds none.
  feeding = types.SimpleNamespace(
    run=lambda fetches, feeds: network.session.run(
      fetches, {**feeds, **dict(zip(network.gradients, gradients))}
    )
  )
  network.rewirer.rewire(feeding, step, numbers)
  return network.session.run(
    [
      [kernel.weights for kernel in network.kernels],
      [kernel.mask for kernel in network.kernels],
      network.average,
    ]
  )


@settings(deadline=None, max_examples=30)
@given(data=st.data(), share=st.floats(0, 1, exclude_max=True))
def test_smallest_go_and_as_many_that_were_masked_grow_at_zero(
  network, data, share
):
  bits = st.sampled_from([0.0, 1.0])
  weights, masks, gradients = (
    [data.draw(arrays.arrays(np.float32, s, elements=each)) for s in SHAPES]
    for each in (values, bits, values)
  )
  zeros = [int((mask == 0).sum()) for mask in masks]
  network.rewirer._way.share = share
  numbers = network.rewirer.numbers(zeros, 0.0)
  after, moved, average = rewire(network, weights, masks, gradients, numbers)
  for index, number in enumerate(numbers):
    size = masks[index].size
    assert number == min(zeros[index], round(share * (size - zeros[index])))
    dropped = (masks[index] == 1) & (moved[index] == 0)
    grown = (masks[index] == 0) & (moved[index] == 1)
    assert dropped.sum() == grown.sum() == number
    assert set(np.unique(moved[index])) <= {0, 1}
    np.testing.assert_array_equal(
      after[index], np.where(grown, 0, weights[index])
    )
    stayed = (masks[index] == 1) & ~dropped
    if number and stayed.any():
      size = np.abs(weights[index])
      assert size[dropped].max() <= size[stayed].min()
    left = (masks[index] == 0) & ~grown
    if network.form == 'rigl' and number and left.any():
      size = np.abs(gradients[index])
      assert size[grown].min() >= size[left].max()
  # Else the average of a weight would be that of one that was masked.
  grown = (masks[0] == 0) & (moved[0] == 1)
  np.testing.assert_array_equal(average, np.where(grown, 0, 7))


def test_chance_is_another_at_each_step_and_the_same_again():
  with tf.Graph().as_default(), tf.Session() as session:
    made = Network('set', False)
    made.session = session
    weights = [np.zeros(shape, np.float32) for shape in SHAPES]
    masks = [np.zeros(shape, np.float32) for shape in SHAPES]
    for mask in masks:
      mask[..., :1, :] = 1
    results = [
      rewire(made, weights, masks, weights, [1, 2], step)[1][1].tolist()
      for step in (1, 1, 2, 3, 4)
    ]
  assert results[0] == results[1]
  assert len({str(each) for each in results}) > 1


def test_gradients_that_nothing_takes_are_said_in_one_line():
  with masking.masking_scope(gradients=True):
    tf.get_variable('a/weights', SHAPES[0])
  with pytest.raises(
    errors.InputError, match='nothing in this graph takes any'
  ):
    rewirer.Rewirer(masking.masked_kernels(), regrowth.find('rigl'))
  rewirer.Rewirer(masking.masked_kernels(), regrowth.find('set'))


@pytest.mark.parametrize('use_resource', [False, True])
def test_frozen_kernels_among_trained_ones_are_refused(use_resource):
  with tf.variable_scope(
    '', use_resource=use_resource
  ), masking.masking_scope():
    products = [tf.get_variable(f'{n}/weights', SHAPES[0]) for n in 'ab']
  trained = tf.trainable_variables()
  loss = tf.add_n([tf.reduce_sum(product) for product in products])
  optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
  optimizer.minimize(loss, var_list=trained[:1])
  with pytest.raises(errors.InputError, match='1 are not, b for one: exclude'):
    rewirer.Rewirer(masking.masked_kernels(), regrowth.find('set'))
  optimizer.minimize(loss, var_list=trained[1:])
  rewirer.Rewirer(masking.masked_kernels(), regrowth.find('set'))
