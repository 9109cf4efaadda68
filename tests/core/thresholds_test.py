import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from object_detection_pruning.common import errors
from object_detection_pruning.core import thresholds

TINY = np.float32(1e-45)  # The smallest denormal.
SPECIAL = np.float32(
  [0, -0.0, TINY, -TINY, 1e-39, 1.1754944e-38, 1, -1, 3.4028235e38]
  + [np.inf, -np.inf]
)


def by_stable_sort(weights, zeros):
  """The mask and threshold as NumPy finds them."""
  # Bits, since a comparison of floats may take denormals for zero.
  bits = weights.ravel().view(np.int32).astype(np.int64)
  order = np.argsort(
    np.where(bits < 0, -(bits & 0x7FFFFFFF) - 1, bits), kind='stable'
  )[:zeros]
  mask = np.ones(weights.size, np.float32)
  mask[order] = 0
  threshold = weights.ravel()[order[-1]] if zeros else np.float32(0)
  return mask.reshape(weights.shape), threshold


@pytest.fixture(scope='module')
def masked():
  """Runs the mask of any weights in one graph, which is faster than many."""
  with tf.Graph().as_default():
    weights = tf.placeholder(tf.float32)
    zeros = tf.placeholder(tf.int32, [])
    result = thresholds.cut(weights, zeros)
    with tf.Session() as session:
      yield lambda w, z: session.run(result, {weights: w, zeros: z})


def check(masked, weights, zeros):
  mask, threshold = masked(weights, zeros)
  expected_mask, expected_threshold = by_stable_sort(weights, zeros)
  assert np.count_nonzero(mask == 0) == zeros
  np.testing.assert_array_equal(mask, expected_mask)
  assert threshold.view(np.int32) == expected_threshold.view(np.int32)


floats = st.one_of(
  st.floats(width=32, allow_nan=False),
  st.sampled_from([float(x) for x in SPECIAL]),
  # Few values, so that ties are the rule.
  st.integers(-3, 3).map(float),
)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_equals_a_stable_sort(masked, data):
  shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=6))
  weights = data.draw(arrays.arrays(np.float32, shape, elements=floats))
  zeros = data.draw(st.integers(0, weights.size))
  check(masked, weights, zeros)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
@example(seed=0, share=0.0)
@example(seed=0, share=1.0)
def test_equals_a_stable_sort_on_a_kernel(masked, seed, share):
  rng = np.random.RandomState(seed)
  weights = rng.normal(scale=0.03, size=(3, 3, 40, 30)).astype(np.float32)
  # What an earlier mask cut may still be there as equal values.
  weights[rng.uniform(size=weights.shape) < 0.3] = rng.choice([0, 0.01])
  check(masked, weights, int(share * weights.size))


@pytest.mark.parametrize(
  'weights',
  [
    np.float32([0.5]),
    np.float32([[0.0]]),
    np.zeros((2, 3), np.float32),
    np.full((4, 5), -0.25, np.float32),
    np.full(7, TINY),
    np.full(7, np.inf, np.float32),
    SPECIAL,
    SPECIAL[::-1].copy(),
    np.float32([3, TINY, 0, 2 * TINY, 0]),
    # Equal but for the last, the middle and the first counted digit.
    np.int32([1065353216 + i for i in (3, 1, 0, 2, 1)]).view(np.float32),
    np.int32([1065353216 + (i << 9) for i in (3, 1, 0, 1)]).view(np.float32),
    np.int32([1 << 19, 0, 1 << 30, 1 << 18, 1 << 8]).view(np.float32),
  ],
  ids=str,
)
def test_every_count_of_zeros_is_exact(masked, weights):
  for zeros in range(weights.size + 1):
    check(masked, weights, zeros)


def test_of_equal_scores_the_first_go():
  scores = tf.constant([1.0, 0.5, 0.5, 2.0, 0.5])
  mask, threshold = thresholds.cut(scores, 2)
  with tf.Session() as session:
    assert session.run([mask, threshold])[0].tolist() == [1, 0, 0, 1, 1]
    assert session.run(threshold) == 0.5


def test_negative_scores_go_before_small_ones():
  scores = tf.constant([0.1, -2.0, 3.0, -0.5])
  with tf.Session() as session:
    mask, threshold = session.run(thresholds.cut(scores, 2))
  assert mask.tolist() == [1, 0, 1, 0]
  assert threshold == -0.5


def test_nan_goes_last():
  scores = tf.constant([float('nan'), np.inf, 1.0])
  with tf.Session() as session:
    masks = session.run([thresholds.cut(scores, k).mask for k in range(4)])
  assert [mask.tolist() for mask in masks] == [
    [1, 1, 1],
    [1, 1, 0],
    [1, 0, 0],
    [0, 0, 0],
  ]


def test_threshold_is_zero_where_nothing_is_masked(masked):
  assert masked(np.float32([2, 3]), 0).threshold == 0


@pytest.mark.parametrize('dtype', [tf.float16, tf.float64, tf.int32])
def test_refuses_other_types_by_name(dtype):
  with pytest.raises(errors.InputError, match=dtype.name):
    thresholds.cut(tf.zeros([3], dtype), 1)


@given(sparsity=st.floats(0, 1, exclude_max=True), size=st.integers(1, 10**8))
def test_number_of_zeros_is_the_rounded_share(sparsity, size):
  zeros = thresholds.zeros_for(sparsity, size)
  assert 0 <= zeros <= size
  assert abs(zeros - sparsity * size) <= 0.5
