import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from object_detection_pruning.common import errors
from object_detection_pruning.core import allocation, granularity

SHAPES = st.lists(
  st.tuples(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)
  ),
  min_size=1,
  max_size=8,
)


def layers_of(shapes, pattern='weight'):
  found = granularity.find(pattern)
  return [
    allocation.Layer(f'layer_{number}', shape, found)
    for number, shape in enumerate(shapes)
  ]


def total(layers):
  return sum(layer.size for layer in layers)


def test_uniform_rounds_the_same_share_of_every_layer():
  layers = layers_of([(3, 3, 3, 5), (1, 1, 5, 7)])
  assert allocation.find('uniform').zeros(0.85, layers) == [115, 30]


@settings(deadline=None)
@given(shapes=SHAPES, sparsity=st.floats(0, 0.99))
def test_erdos_renyi_kernel_is_exact_in_total(shapes, sparsity):
  layers = layers_of(shapes)
  wanted = round(sparsity * total(layers))
  assume(wanted <= total(layers) - len(layers))
  zeros = allocation.find('erdos_renyi_kernel').zeros(sparsity, layers)
  assert sum(zeros) == wanted
  assert all(0 <= z < layer.size for z, layer in zip(zeros, layers))


@settings(deadline=None)
@given(shapes=SHAPES, sparsity=st.floats(0, 0.99))
def test_erdos_renyi_kernel_keeps_weights_by_the_sum_of_sides(shapes, sparsity):
  layers = layers_of(shapes)
  assume(round(sparsity * total(layers)) <= total(layers) - len(layers))
  zeros = allocation.find('erdos_renyi_kernel').zeros(sparsity, layers)
  kept = [layer.size - z for layer, z in zip(layers, zeros)]
  # One factor for all but those that are dense or at one weight.
  least = max(
    ((k - 1) / sum(s) for k, s in zip(kept, shapes) if k > 1), default=0
  )
  for k, shape, layer in zip(kept, shapes, layers):
    if k < layer.size:
      assert (k + 1) / sum(shape) >= least - 1e-9


def test_erdos_renyi_kernel_leaves_layers_dense_and_others_make_up_for_it():
  layers = layers_of([(3, 3, 3, 16), (1, 1, 256, 256), (3, 3, 256, 256)])
  zeros = allocation.find('erdos_renyi_kernel').zeros(0.5, layers)
  assert zeros[0] == 0
  # 512 + 2 sides of 65,536 weights against 518 of 589,824.
  assert zeros[1] == 0
  assert sum(zeros) == round(0.5 * total(layers))


def test_bound_of_a_layer_is_kept_and_the_total_too():
  layers = layers_of([(3, 3, 3, 16), (1, 1, 64, 64), (3, 3, 64, 64)])
  way = allocation.find('erdos_renyi_kernel', 0.85)
  zeros = way.zeros(0.8, layers)
  free = allocation.find('erdos_renyi_kernel').zeros(0.8, layers)
  assert free[2] > 0.85 * layers[2].size
  assert zeros[2] == int(0.85 * layers[2].size)
  assert sum(zeros) == sum(free) == round(0.8 * total(layers))


@settings(deadline=None)
@given(data=st.data(), shapes=SHAPES, sparsity=st.floats(0, 0.99))
def test_global_zeros_are_the_lowest_of_all_within_the_bound(
  data, shapes, sparsity
):
  layers = layers_of(shapes)
  scores = [
    data.draw(
      arrays.arrays(np.float32, shape, elements=st.integers(-5, 5).map(float))
    )
    for shape in shapes
  ]
  way = allocation.find('global', 0.9)
  most = [layer.most(0.9) for layer in layers]
  wanted = round(sparsity * total(layers))
  if wanted > sum(most):
    with pytest.raises(errors.InputError, match='must be .* at most for these'):
      way.zeros(sparsity, layers, scores)
    return
  zeros = way.zeros(sparsity, layers, scores)
  assert sum(zeros) == wanted
  lost, left = [], []
  for count, array, bound in zip(zeros, scores, most):
    ordered = np.sort(array.ravel())
    assert count <= bound
    lost.extend(ordered[:count])
    if count < bound:
      left.append(ordered[count])
  if lost and left:
    assert max(lost) <= min(left)


@pytest.mark.parametrize('sparsity', [0.0001, 0.3, 0.85, 0.97])
@pytest.mark.parametrize('step', [1, 7, 251])
def test_global_zeros_do_not_depend_on_the_order_of_weights(sparsity, step):
  """Whatever is looked at first, for it is all alike in some way."""
  layers = layers_of([(100, 500), (90, 251), (300, 301)])
  rng = np.random.RandomState(1)
  scores = [
    rng.uniform(-0.5, 0.5, layer.shape).astype(np.float32) for layer in layers
  ]
  for array in scores:
    array.ravel()[::step] *= 1e-3
  lowest = np.sort(np.concatenate([array.ravel() for array in scores]))
  threshold = lowest[round(sparsity * len(lowest)) - 1]
  assert allocation.find('global').zeros(sparsity, layers, scores) == [
    np.sum(array <= threshold) for array in scores
  ]


def test_of_equal_scores_those_of_the_first_layers_go():
  layers = layers_of([(1, 10), (1, 10)])
  scores = [np.ones((1, 10)), np.ones((1, 10))]
  assert allocation.find('global').zeros(0.6, layers, scores) == [9, 3]


@settings(deadline=None)
@given(data=st.data(), number=st.integers(1, 12))
def test_spread_is_exact_and_within_its_bounds(data, number):
  def ints(least, most):
    return np.array(
      data.draw(
        st.lists(st.integers(least, most), min_size=number, max_size=number)
      )
    )

  least = ints(0, 10**6)
  most = least + ints(0, 10**8)
  weights = ints(1, 10**5).astype(float)
  wanted = data.draw(st.integers(int(least.sum()), int(most.sum())))
  given_out = allocation.spread(weights, least, most, wanted)
  assert given_out.sum() == wanted
  assert (least <= given_out).all()
  assert (given_out <= most).all()


def test_zeros_are_whole_units_of_the_pattern():
  layers = layers_of([(3, 3, 8, 8), (1, 1, 64, 64)], '2x4')
  for form in ('uniform', 'erdos_renyi_kernel'):
    zeros = allocation.find(form).zeros(0.7, layers)
    assert [z % 8 for z in zeros] == [0, 0]
    assert abs(sum(zeros) - 0.7 * total(layers)) <= 8


@pytest.mark.parametrize(
  'form, bound, target, pattern, words',
  [
    ('uniform', None, 0.5, '2:4', None),
    ('erdos_renyi_kernel', None, 0.9, '4x4', None),
    (
      'erdos_renyi_kernel',
      None,
      0.5,
      '2:4',
      'granularity 2:4 gives every layer the same sparsity, so allocation must '
      'be uniform, got erdos_renyi_kernel',
    ),
    (
      'global',
      None,
      0.5,
      '4x4',
      'allocation global ranks single weights, so granularity must be weight, '
      'got 4x4',
    ),
    (
      'global',
      0.8,
      0.9,
      'weight',
      'target_sparsity must be 0.8 (max_layer_sparsity) at most with '
      'allocation global, got 0.9',
    ),
    (
      'uniform',
      0.8,
      0.5,
      'weight',
      'max_layer_sparsity has no meaning with allocation uniform, got 0.8',
    ),
    ('global', 1.0, 0.5, 'weight', 'max_layer_sparsity must be in [0, 1)'),
    (
      'erk',
      None,
      0.5,
      'weight',
      'allocation must be one of uniform, erdos_renyi_kernel, global, got',
    ),
  ],
)
def test_what_does_not_go_together_is_an_error(
  form, bound, target, pattern, words
):
  def check():
    way = allocation.find(form, bound)
    way.check(target, granularity.find(pattern))

  if words is None:
    check()
    return
  with pytest.raises(errors.InputError) as error:
    check()
  assert words in str(error.value)


@pytest.mark.parametrize(
  'entry, message',
  [
    (('(', 0.5), 'layer_sparsity.layer must be regular expressions'),
    (('a', 1.0), "layer_sparsity of 'a' must be in [0, 1), got 1.0"),
  ],
)
def test_broken_entry_is_named(entry, message):
  with pytest.raises(errors.InputError) as error:
    allocation.check([allocation.LayerSparsity(*entry)])
  assert message in str(error.value)
