import collections

import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.reconstruction import granularity

_SHAPE = granularity.Shape(taps=9, inputs=10, outputs=7)


def _scores(seed=0):
  return np.random.RandomState(seed).rand(*_SHAPE.matrix)


@pytest.mark.parametrize('sparsity', [0, 0.1, 0.333, 0.5, 0.99, 1])
def test_single_weights_have_the_exact_number_of_zeros(sparsity):
  mask = granularity.Weight().mask(_scores(), _SHAPE, sparsity)
  assert np.count_nonzero(~mask) == int(round(sparsity * 630))


def test_single_weights_keep_the_largest():
  scores = _scores()
  mask = granularity.Weight().mask(scores, _SHAPE, 0.6)
  assert scores[mask].min() > scores[~mask].max()


def test_equal_scores_still_give_the_exact_number():
  mask = granularity.Weight().mask(np.ones((90, 7)), _SHAPE, 0.4)
  assert np.count_nonzero(~mask) == 252


def test_two_of_four_inputs_stay_at_each_tap_and_output():
  mask = granularity.NOfM(2, 4).mask(_scores(), _SHAPE)
  groups = mask.reshape(9, 10, 7)
  for start in (0, 4):
    assert (groups[:, start : start + 4].sum(1) == 2).all()
  assert groups[:, 8:].all(), 'a rest of two keeps both'
  assert granularity.NOfM(2, 4).sparsity(_SHAPE) == pytest.approx(
    1 - mask.mean()
  )


def test_a_loose_two_of_four_mask_keeps_the_winners_and_more():
  scores, pattern = _scores(), granularity.NOfM(2, 4)
  loose = pattern.loose_mask(scores, _SHAPE, 0.2)
  assert loose[pattern.mask(scores, _SHAPE)].all()
  assert loose.mean() >= 0.8


def test_blocks_stay_or_go_as_a_whole_and_are_exact_in_number():
  pattern, scores = granularity.Block(4, 2), _scores()
  mask = pattern.mask(scores, _SHAPE, 0.5).reshape(9, 10, 7)
  kept, gone = collections.defaultdict(list), collections.defaultdict(list)
  for tap in range(9):
    for i in range(0, 10, 4):
      for o in range(0, 7, 2):
        window = tap, slice(i, i + 4), slice(o, o + 2)
        block = mask[window]
        assert block.all() or not block.any()
        score = scores.reshape(9, 10, 7)[window].sum()
        (kept if block.all() else gone)[block.shape].append(score)
  assert np.count_nonzero(~mask) == pytest.approx(315, abs=4)
  # Those of each size, cut off at an edge or not, lose the same share.
  for size, number in (((4, 2), 54), ((4, 1), 18), ((2, 2), 27), ((2, 1), 9)):
    assert len(kept[size]) + len(gone[size]) == number
    assert len(gone[size]) == pytest.approx(number / 2, abs=1)
    assert max(gone[size]) <= min(kept[size])


@pytest.mark.parametrize('zeros', [0.0, 0.3, 0.61, 0.99, 1.0])
@pytest.mark.parametrize('text', ['weight', 'channel', '4x2', '10x7'])
def test_share_gives_that_many_zeros_for_sure(text, zeros):
  pattern = granularity.find(text)
  share = pattern.share_of(zeros, _SHAPE)
  mask = pattern.mask(_scores(), _SHAPE, share)
  assert (~mask).mean() >= zeros - 1e-9
  assert share - zeros <= 0.12


def test_channels_go_with_all_their_taps_and_outputs():
  mask = granularity.Channel().mask(_scores(), _SHAPE, 0.3)
  by_channel = mask.reshape(9, 10, 7)
  assert (by_channel == by_channel[:1, :, :1]).all()
  assert by_channel[0, :, 0].sum() == 7


@pytest.mark.parametrize(
  'text', ['weight', 'channel', '2:4', '1:8', '4x1', '8x4']
)
def test_parsed_granularities_print_as_they_were_written(text):
  assert str(granularity.find(text)) == text


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('', "one of weight, N:M, IxO, channel, got ''"),
    ('4:2', 'N:M must have 1 <= N < M <= 32, got 4:2'),
    ('4x0', 'outputs of a block must be a whole number, 1 or more, got 0'),
    ('filter', "got 'filter'; filter works in model_main and analyze_sensiti"),
  ],
)
def test_others_are_refused_in_one_line(text, words):
  with pytest.raises(errors.InputError) as caught:
    granularity.find(text)
  assert '\n' not in str(caught.value)
  assert words in str(caught.value)
