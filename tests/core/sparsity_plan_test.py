import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  granularity,
  schedules,
  sparsity_plan,
)

SHAPES = {
  'net/a': (3, 3, 3, 8),
  'net/b': (1, 1, 8, 16),
  'net/b_2': (3, 3, 16, 16),
  'head': (1, 1, 16, 6),
}
SIZE = sum(int(np.prod(shape)) for shape in SHAPES.values())
SCHEDULE = schedules.PolynomialSchedule(0.8, 2, 10, frequency=2)
STEPS = (2, 4, 6, 8, 10, 11)


def plan(*entries, way='uniform', pattern='weight', schedule=SCHEDULE):
  found = granularity.find(pattern)
  return sparsity_plan.SparsityPlan(
    schedule,
    [allocation.Layer(name, shape, found) for name, shape in SHAPES.items()],
    allocation.find(way),
    [allocation.LayerSparsity(*entry) for entry in entries],
  )


def shares(zeros):
  return [
    round(count / np.prod(shape), 2)
    for count, shape in zip(zeros, SHAPES.values())
  ]


def test_uniform_rounds_the_schedule_in_each_layer():
  for step in STEPS:
    assert plan().zeros_at(step) == [
      round(SCHEDULE.sparsity(step) * int(np.prod(shape)))
      for shape in SHAPES.values()
    ]


def test_layer_target_holds_for_every_layer_that_it_is_found_in():
  zeros = plan(('b', 0.5), ('head', 0.0)).zeros_at(10)
  assert shares(zeros) == [0.8, 0.5, 0.5, 0.0]


def test_first_of_several_patterns_counts():
  assert shares(plan(('b_2', 0.9), ('b', 0.5)).zeros_at(10))[1:3] == [0.5, 0.9]
  assert shares(plan(('b', 0.5), ('b_2', 0.9)).zeros_at(10))[1:3] == [0.5, 0.5]


def test_pattern_of_no_masked_layer_is_an_error():
  with pytest.raises(errors.InputError) as error:
    plan(('rpn', 0.5))
  assert "layer_sparsity 'rpn' is found in no masked layer" in str(error.value)
  assert 'net/b_2' in str(error.value)


def test_target_that_a_pattern_cannot_have_is_an_error():
  half = schedules.ConstantSchedule(0.5, 0, 1)
  plan(('head', 0.0), pattern='2:4', schedule=half)
  with pytest.raises(errors.InputError, match='of head must be 0.5 with'):
    plan(('head', 0.4), pattern='2:4', schedule=half)


def test_layers_follow_the_schedule_together():
  the_plan = plan(way='erdos_renyi_kernel')
  last = the_plan.zeros_at(10)
  assert sum(last) == round(0.8 * SIZE)
  assert last == allocation.find('erdos_renyi_kernel').zeros(
    0.8, the_plan.layers
  )
  for step in STEPS:
    zeros = the_plan.zeros_at(step)
    for count, end in zip(zeros, last):
      assert abs(count - end * SCHEDULE.sparsity(step) / 0.8) <= 0.5 + 1e-6
  assert the_plan.zeros_at(1) == [0] * 4


def test_layers_with_a_target_of_their_own_take_no_part_in_the_sum():
  zeros = plan(('b_2', 0.25), way='erdos_renyi_kernel').zeros_at(10)
  assert zeros[2] == 576
  assert sum(zeros) - 576 == round(0.8 * (SIZE - 2304))


def scores(seed=0):
  rng = np.random.RandomState(seed)
  return [
    rng.uniform(size=shape).astype(np.float32) * (number + 1)
    for number, shape in enumerate(SHAPES.values())
  ]


def test_global_sum_is_exact_at_every_step_and_follows_the_scores():
  the_plan = plan(way='global')
  assert the_plan.needs_scores
  for step in STEPS:
    one, other = (the_plan.zeros_at(step, scores(seed)) for seed in (0, 1))
    assert sum(one) == sum(other) == round(SCHEDULE.sparsity(step) * SIZE)
  assert one != other
  assert one[0] / 216 > one[2] / 2304


def test_needs_no_scores_where_no_layer_is_shared():
  assert not plan(('', 0.5), way='global').needs_scores


def test_masks_hold_what_is_due_if_the_counts_are_those():
  for way in ('uniform', 'erdos_renyi_kernel'):
    the_plan = plan(way=way)
    zeros = the_plan.zeros_at(6)
    assert the_plan.holds(zeros, 6)
    assert not the_plan.holds(zeros, 10)
    assert not the_plan.holds([zeros[0] + 1, zeros[1] - 1] + zeros[2:], 6)


def test_masks_of_global_allocation_hold_if_the_sum_does():
  the_plan = plan(('head', 0.5), way='global')
  zeros = the_plan.zeros_at(6, scores())
  assert the_plan.holds(zeros, 6)
  assert the_plan.holds([zeros[0] + 1, zeros[1] - 1] + zeros[2:], 6)
  assert not the_plan.holds([zeros[0] + 1] + zeros[1:], 6)
  assert not the_plan.holds(zeros[:2] + [zeros[2] + 1, zeros[3] - 1], 6)


def test_table_lists_kernels_and_their_sum():
  the_plan = plan()
  assert sparsity_plan.table(the_plan.layers, [8, 0, 1152, 96]) == (
    'layer                 kernel     weights  zeros  sparsity\n'
    'net/a                 3x3x3x8        216      8    0.0370\n'
    'net/b                 1x1x8x16       128      0    0.0000\n'
    'net/b_2               3x3x16x16    2,304  1,152    0.5000\n'
    'head                  1x1x16x6        96     96    1.0000\n'
    'all 4 masked kernels               2,744  1,256    0.4577'
  )


@pytest.mark.parametrize('way', ['uniform', 'erdos_renyi_kernel', 'global'])
def test_sparsity_of_all_layers_counts_targets_of_their_own(way):
  none = schedules.PolynomialSchedule(0.0, 2, 10, frequency=2)
  own = plan(('net/b_2', 0.5), way=way, schedule=none)
  assert own.own_targets == ['net/b_2']
  assert own.sparsity_at(10) == 0.5 * 3 * 3 * 16 * 16 / SIZE
  both = plan(('net/b_2', 0.5), way=way)
  rest = SIZE - 3 * 3 * 16 * 16
  for step in STEPS:
    due = SCHEDULE.sparsity(step) * rest
    due += SCHEDULE.with_target(0.5).sparsity(step) * (SIZE - rest)
    assert both.sparsity_at(step) == pytest.approx(due / SIZE, abs=2 / SIZE)
    with tf.Graph().as_default(), tf.Session() as session:
      tensor = both.sparsity_tensor(tf.constant(step, tf.int64))
      assert session.run(tensor) == pytest.approx(due / SIZE, abs=2 / SIZE)


def test_sparsity_of_all_layers_counts_what_masks_began_with():
  kept = plan()
  kept.keep([216, 0, 0, 0])
  assert kept.sparsity_at(2) == 216 / SIZE


@pytest.mark.parametrize('way', ['uniform', 'erdos_renyi_kernel'])
@pytest.mark.parametrize(
  'begun', [[0, 120, 0, 0], [216, 128, 0, 0], [0, 0, 2200, 0], [10, 9, 8, 7]]
)
def test_what_a_layer_keeps_beyond_its_share_is_left_to_the_others(way, begun):
  kept = plan(('head', 0.5), way=way)
  own = begun[3]
  kept.keep(begun)
  zeros = kept.zeros_at(10)
  size = SIZE - 96
  assert sum(zeros[:3]) == pytest.approx(
    max(sum(begun[:3]), 0.8 * size), abs=2 if way == 'uniform' else 0.5
  )
  assert zeros[3] == max(own, 48)
  before = begun
  for step in STEPS:
    now = kept.zeros_at(step)
    assert all(a <= b for a, b in zip(before, now))
    before = now
  # What is told again, as after a restart, is divided in the same way.
  kept.keep(begun)
  assert kept.zeros_at(10) == zeros
  kept.keep([0] * 4)
  assert kept.zeros_at(10) == plan(('head', 0.5), way=way).zeros_at(10)


@pytest.mark.parametrize('begun', [[0, 120, 0, 0], [216, 128, 0, 0]])
def test_what_a_layer_keeps_beyond_its_scores_is_left_to_the_others(begun):
  kept = plan(way='global')
  kept.keep(begun)
  scores = [np.ones(shape, np.float32) for shape in SHAPES.values()]
  for number in (0, 1):
    # Of their own accord these would lose nothing.
    scores[number] *= 100
  for step in STEPS[:-1]:
    zeros = kept.zeros_at(step, scores)
    due = max(sum(begun), round(SCHEDULE.sparsity(step) * SIZE))
    assert sum(zeros) == due
    assert all(found >= least for found, least in zip(zeros, begun))
    assert kept.holds(zeros, step)
    assert kept.sparsity_at(step) == due / SIZE


def test_pattern_that_cannot_hold_what_masks_began_with_is_refused():
  # In blocks of 16: up to the next one, and no more than there are.
  kept = plan(pattern='4x4')
  kept.keep([0, 100, 2000, 0])
  assert kept.zeros_at(2)[1:3] == [112, 2000]
  # Of 4 blocks of 4x4 and 4 that are cut off to 4x2 as many go, and not all.
  kept.keep([0, 0, 0, 61])
  assert kept.zeros_at(2)[3] == 72
  for begun in ([216, 0, 0, 0], [0, 0, 0, 73]):
    with pytest.raises(errors.InputError, match='take another granularity'):
      kept.keep(begun)
  halves = plan(pattern='2:4', schedule=schedules.ConstantSchedule(0.5, 2, 10))
  with pytest.raises(errors.InputError) as error:
    halves.keep([0, 115, 0, 0])
  assert str(error.value) == (
    'the mask of net/b begins with 115 zeros of 128, and with granularity 2:4 '
    'it can have 64: take another granularity, or exclude the layer'
  )


def test_scores_divide_no_more_than_layers_can_have():
  with pytest.raises(errors.InputError, match='at most for these layers'):
    plan(way='global', schedule=schedules.PolynomialSchedule(0.9999, 2, 10))


def test_layer_that_begins_beyond_the_bound_leaves_less_to_others():
  way = allocation.find('global', max_layer_sparsity=0.9)
  found = granularity.find('weight')
  layers = [allocation.Layer(n, shape, found) for n, shape in SHAPES.items()]
  kept = sparsity_plan.SparsityPlan(SCHEDULE, layers, way)
  begun = [int(0.95 * layer.size) for layer in layers[:3]] + [0]
  kept.keep(begun)
  scores = [np.ones(shape, np.float32) for shape in SHAPES.values()]
  assert kept.zeros_at(2, scores) == begun


def test_layers_begin_with_more_than_is_due():
  kept = plan(way='global')
  begun = [200, 120, 2000, 90]
  kept.keep(begun)
  scores = [np.ones(shape, np.float32) for shape in SHAPES.values()]
  assert kept.zeros_at(4, scores) == begun
  assert kept.holds(begun, 4)
