import collections
import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  block_units,
  granularity,
  groups,
  thresholds,
)

TEXTS = ('weight', '2:4', '1:3', '3:5', '2x2', '4x1', '3x8', 'filter')
shapes = st.one_of(
  st.tuples(st.integers(1, 9), st.integers(1, 9)),
  st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 9)] * 2),
)
# Few values, so that ties are the rule.
values = st.one_of(st.floats(0, 9, width=32), st.integers(0, 3).map(float))


def cut(text, scores, zeros):
  """The mask and threshold that a pattern cuts."""
  with tf.Graph().as_default(), tf.Session() as session:
    return session.run(
      granularity.find(text).cut(
        tf.constant(scores, tf.float32), tf.constant(zeros)
      )
    )


def kernel(data, shape):
  size = int(np.prod(shape))
  drawn = data.draw(st.lists(values, min_size=size, max_size=size))
  return np.float32(drawn).reshape(shape)


@settings(deadline=None, max_examples=60)
@given(
  data=st.data(),
  text=st.sampled_from(TEXTS),
  shape=shapes,
  sparsity=st.floats(0, 0.999),
)
def test_number_of_zeros_is_exact(data, text, shape, sparsity):
  pattern = granularity.find(text)
  zeros = pattern.zeros_for(sparsity, shape)
  mask, _ = cut(text, kernel(data, shape), zeros)
  assert mask.shape == shape
  assert set(np.unique(mask)) <= {0, 1}
  assert np.count_nonzero(mask == 0) == zeros
  # Half of the largest unit of the pattern, which is a filter or a block, and
  # what blocks of other sizes at the edges add to it.
  unit = {'filter': mask.size // shape[-1], '2x2': 4, '4x1': 4, '3x8': 24}
  nearest = abs(zeros - sparsity * mask.size) <= 2 * unit.get(text, 0.5) + 0.5
  assert nearest or zeros == pattern.most(shape)


@settings(deadline=None, max_examples=60)
@given(
  data=st.data(), text=st.sampled_from(['2:4', '1:3', '3:5']), shape=shapes
)
def test_complete_n_of_m_keeps_the_greatest_n_of_each_m(data, text, shape):
  kept, group = map(int, text.split(':'))
  scores = kernel(data, shape)
  zeros = granularity.find(text).zeros_for(1 - kept / group, shape)
  if shape[-2] % group == 0:
    assert zeros == round(scores.size * (1 - kept / group))
  mask, _ = cut(text, scores, zeros)
  for start in range(0, shape[-2], group):
    part = mask[..., start : start + group, :]
    # The last group has as many as if zeros followed it.
    expected = min(kept, part.shape[-2])
    assert (part.sum(axis=-2) == expected).all()
    lost = np.where(part == 0, scores[..., start : start + group, :], -1)
    left = np.where(part == 1, scores[..., start : start + group, :], np.inf)
    assert (lost.max(axis=-2) <= left.min(axis=-2)).all()


@settings(deadline=None, max_examples=30)
@given(data=st.data(), shape=shapes, sparsity=st.floats(0, 0.5))
def test_zeros_of_n_of_m_grow_into_the_complete_pattern(data, shape, sparsity):
  scores = kernel(data, shape)
  pattern = granularity.find('2:4')
  part, _ = cut('2:4', scores, pattern.zeros_for(sparsity, shape))
  whole, _ = cut('2:4', scores, pattern.zeros_for(0.5, shape))
  assert (whole[part == 0] == 0).all()


@settings(deadline=None, max_examples=40)
@given(data=st.data(), shape=shapes, sparsity=st.floats(0, 0.999))
def test_blocks_of_least_mean_go_among_those_of_their_size(
  data, shape, sparsity
):
  scores = kernel(data, shape)
  zeros = granularity.find('2x3').zeros_for(sparsity, shape)
  mask, threshold = cut('2x3', scores, zeros)
  flat = mask.reshape((-1,) + shape[-2:])
  gone, left = collections.defaultdict(list), collections.defaultdict(list)
  for position, row, column in itertools.product(
    range(len(flat)), range(0, shape[-2], 2), range(0, shape[-1], 3)
  ):
    window = (
      position,
      slice(row, row + 2),
      slice(column, column + 3),
    )
    block = flat[window]
    assert block.min() == block.max()
    mean = scores.reshape(flat.shape)[window].mean()
    (left if block.max() else gone)[block.shape].append(mean)
  every = sum(gone.values(), [])
  assert threshold == pytest.approx(max(every) if every else 0, rel=1e-5)
  for size, means in gone.items():
    if left[size]:
      assert max(means) <= min(left[size]) * 1.00001
  share = zeros / mask.size
  for size in set(gone) | set(left):
    number = len(gone[size]) + len(left[size])
    # Those of the first size make up for what the others are rounded by.
    off = 0.5 if size != (2, 3) else 4
    assert abs(len(gone[size]) - share * number) <= off + 0.001


@settings(deadline=None, max_examples=200)
@given(
  shape=shapes,
  block=st.tuples(st.integers(1, 12), st.integers(1, 12)),
  sparsity=st.floats(0, 1),
)
def test_number_of_zeros_is_the_nearest_that_whole_blocks_can_have(
  shape, block, sparsity
):
  pattern = granularity.Block(*block)
  zeros = pattern.zeros_for(sparsity, shape)
  parts = block_units.parts(shape, *block)
  size = int(np.prod(shape))
  assert sum(part.number * part.size for part in parts) == size
  counts = block_units.numbers(zeros, parts)
  assert all(0 <= n <= part.number for n, part in zip(counts, parts))
  assert sum(n * part.size for n, part in zip(counts, parts)) == zeros
  assert 0 <= zeros < size
  assert pattern.zeros_from(zeros, shape) == zeros
  assert pattern.zeros_for(zeros / size, shape) == zeros
  further = pattern.zeros_from(zeros + 1, shape)
  if further is None:
    assert zeros == pattern.most(shape)
  else:
    wanted = round(sparsity * size)
    assert abs(zeros - wanted) <= abs(further - wanted)


def test_blocks_at_the_edges_reach_the_target():
  # Blocks of 16 outputs fill two thirds of 24.
  zeros = granularity.find('1x16').zeros_for(0.9, (3, 3, 16, 24))
  assert zeros / (3 * 3 * 16 * 24) == pytest.approx(0.9, abs=0.003)


def test_filters_of_least_mean_go_whole_and_one_stays():
  scores = np.float32([[1, 4, 0, 3], [1, 0, 3, 3]])
  assert granularity.find('filter').zeros_for(0.99, scores.shape) == 6
  mask, threshold = cut('filter', scores, 4)
  assert mask.tolist() == [[0, 1, 0, 1]] * 2
  assert threshold == 1.5
  assert cut('filter', scores, 6)[0].tolist() == [[0, 0, 0, 1]] * 2


def test_single_weights_are_cut_as_by_their_threshold():
  scores = np.random.RandomState(0).uniform(size=(3, 3, 5, 7))
  mask, _ = cut('weight', scores, 99)
  with tf.Session() as session:
    expected = session.run(thresholds.cut(tf.constant(scores, tf.float32), 99))
  np.testing.assert_array_equal(mask, expected.mask)


@pytest.mark.parametrize('text', TEXTS)
def test_text_comes_back(text):
  assert str(granularity.find(text)) == text
  assert granularity.find(text) == granularity.find(text)
  assert granularity.find('5x5') != granularity.find(text)


@pytest.mark.parametrize(
  'text, words',
  [
    ('4:2', 'N:M must have 1 <= N < M <= 32, got 4:2'),
    ('0:4', 'N:M must have 1 <= N < M <= 32, got 0:4'),
    ('1:33', 'N:M must have 1 <= N < M <= 32, got 1:33'),
    ('0x4', 'inputs of a block must be a whole number, 1 or more, got 0'),
    ('4x0', 'outputs of a block must be a whole number, 1 or more, got 0'),
    ('2:4 ', "must be one of weight, N:M, IxO, filter, got '2:4 '"),
    (
      'channel',
      "must be one of weight, N:M, IxO, filter, got 'channel'; channel works "
      'in prune_weights',
    ),
  ],
)
def test_other_text_is_an_error(text, words):
  with pytest.raises(errors.InputError) as error:
    granularity.find(text)
  assert words in str(error.value)


def test_target_must_be_that_of_the_pattern_where_it_has_one():
  third = granularity.find('1:3')
  assert third.check_target('target_sparsity', 0.667) == 1 - 1 / 3
  assert granularity.find('4x4').check_target('target_sparsity', 0.7) == 0.7
  with pytest.raises(errors.InputError) as error:
    third.check_target('target_sparsity', 0.7)
  assert str(error.value) == (
    'target_sparsity must be 0.6667 with granularity 1:3, got 0.7'
  )


@settings(deadline=None, max_examples=60)
@given(data=st.data(), size=st.integers(2, 32))
def test_least_members_are_marked_the_first_of_equal_ones(data, size):
  number = data.draw(st.integers(1, size - 1))
  seed = data.draw(st.integers(0, 999))
  members = np.random.RandomState(seed).randint(-3, 4, (size, 5))
  with tf.Graph().as_default(), tf.Session() as session:
    marked = session.run(groups.least(tf.constant(members, tf.int32), number))
  order = np.argsort(members, axis=0, kind='stable')
  expected = np.zeros(members.shape, bool)
  np.put_along_axis(expected, order[:number], True, axis=0)
  np.testing.assert_array_equal(marked, expected)
