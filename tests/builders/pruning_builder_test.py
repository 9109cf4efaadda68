import math

import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from nets.mobilenet_v1 import slim

from object_detection_pruning.builders import pruning_builder
from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  granularity,
  masking,
  pruning_method,
  regrowth,
  schedules,
)
from object_detection_pruning.protos import pruning_pb2

WINDOW = 'target_sparsity: 0.8 start_step: 10 end_step: 50 '


def message(text):
  return text_format.Parse(text, pruning_pb2.Pruning())


def build(text):
  return pruning_builder.build(message(text))


def test_polynomial_schedule_with_its_defaults():
  schedule = build(WINDOW).schedule
  assert isinstance(schedule, schedules.PolynomialSchedule)
  assert vars(schedule) == {
    'initial_sparsity': 0.0,
    'target_sparsity': 0.8,
    'start_step': 10,
    'end_step': 50,
    'frequency': 10,
    'exponent': 3.0,
  }


def test_every_field_arrives():
  settings = build(
    WINDOW + 'initial_sparsity: 0.1 frequency: 4 exponent: 2 '
    'include: "a" include: "b" exclude: "c" mask_depthwise: true '
    'layer_sparsity { layer: "a" target_sparsity: 0.5 }'
  )
  assert (
    settings.schedule.initial_sparsity,
    settings.schedule.frequency,
    settings.schedule.exponent,
  ) == (0.1, 4, 2.0)
  assert settings.include == ('a', 'b')
  assert settings.exclude == ('c',)
  assert settings.mask_depthwise is True
  assert settings.method.layer_sparsities == (('a', 0.5),)


def test_method_has_its_defaults_and_what_is_given():
  assert build(WINDOW).method == pruning_method.PruningMethod(
    'magnitude', 'weight', 'uniform'
  )
  method = build(WINDOW + 'allocation: "global" max_layer_sparsity: 0.9').method
  assert method.allocation == allocation.find('global', 0.9)
  method = build(WINDOW + 'granularity: "4x2"').method
  assert method.granularity == granularity.Block(4, 2)
  schedule = build(
    WINDOW.replace('0.8', '0.333') + 'granularity: "2:3"'
  ).schedule
  assert schedule.target_sparsity == 1 - 2 / 3


def test_message_of_before_keeps_its_field_numbers():
  numbers = {
    field.name: field.number for field in pruning_pb2.Pruning.DESCRIPTOR.fields
  }
  assert numbers == {
    'schedule': 1,
    'initial_sparsity': 2,
    'target_sparsity': 3,
    'start_step': 4,
    'end_step': 5,
    'frequency': 6,
    'exponent': 7,
    'include': 8,
    'exclude': 9,
    'layer_sparsity': 10,
    'mask_depthwise': 11,
    'layer_width': 12,
    'soft_filter_pruning': 13,
    'criterion': 14,
    'granularity': 15,
    'allocation': 16,
    'max_layer_sparsity': 17,
    'regrowth': 18,
    'regrowth_share': 19,
    'distillation': 20,
    'rewind_checkpoint': 21,
    'rewind_step': 22,
    'fit_learning_rate': 23,
  }


def test_constant_schedule():
  schedule = build(WINDOW + 'schedule: CONSTANT frequency: 7').schedule
  assert isinstance(schedule, schedules.ConstantSchedule)
  assert schedule.sparsity(10) == 0.8
  assert schedule.frequency == 7


def test_masks_that_move_have_a_constant_sparsity_and_time_between_updates():
  settings = build(WINDOW + 'regrowth: "rigl"')
  assert settings.method.regrowth == regrowth.RigL(0.3)
  assert isinstance(settings.schedule, schedules.ConstantSchedule)
  assert settings.schedule.frequency == 100
  settings = build(
    WINDOW + 'regrowth: "set" regrowth_share: 0.1 frequency: 5 '
    'schedule: POLYNOMIAL initial_sparsity: 0.8'
  )
  assert settings.method.regrowth == regrowth.Set(0.1)
  assert settings.schedule.frequency == 5
  effective = pruning_builder.with_overrides(
    message(''), 1000, target_sparsity=0.6, regrowth='set'
  )
  assert (effective.start_step, effective.end_step) == (0, 750)


def test_soft_masks_follow_the_schedule_that_they_would_have_without():
  pruning = WINDOW + 'initial_sparsity: 0.2 granularity: "filter" '
  settings, plain = build(pruning + 'regrowth: "soft"'), build(pruning)
  assert settings.method.regrowth == regrowth.Soft()
  assert vars(settings.schedule) == vars(plain.schedule)
  effective = pruning_builder.with_overrides(
    message(''), 1000, target_sparsity=0.6, regrowth='soft'
  )
  assert (effective.start_step, effective.end_step) == (100, 750)


def test_empty_message_masks_nothing_more_and_schedules_nothing():
  assert build('') == pruning_builder.PruningSettings()


def test_patterns_alone_make_masks_without_a_schedule():
  settings = build('include: "head"')
  assert settings.schedule is None
  assert settings.include == ('head',)


@pytest.mark.parametrize(
  'text, words',
  [
    (
      WINDOW.replace('0.8', '1.5'),
      'target_sparsity must be in [0, 1), got 1.5',
    ),
    (
      WINDOW.replace('0.8', 'nan'),
      'target_sparsity must be in [0, 1), got nan',
    ),
    (WINDOW.replace('10', '60'), 'start_step must not be after end_step (50)'),
    (WINDOW.replace('10', '-1'), 'start_step must be'),
    (WINDOW + 'frequency: 0', 'frequency must be'),
    (WINDOW + 'exponent: 0', 'exponent must be'),
    (WINDOW + 'initial_sparsity: 0.9', 'initial_sparsity must not be above'),
    (WINDOW + 'include: "("', 'include must be regular expressions'),
    (WINDOW + 'exclude: "["', 'exclude must be regular expressions'),
    (
      WINDOW + 'layer_sparsity { layer: "a" target_sparsity: 2 }',
      "layer_sparsity of 'a' must be in [0, 1), got 2.0",
    ),
    (WINDOW + 'layer_sparsity { layer: "a" }', 'got no target_sparsity'),
    (WINDOW + 'layer_sparsity { target_sparsity: 0.5 }', 'got no layer'),
    (
      WINDOW + 'layer_sparsity { layer: "(" target_sparsity: 0.5 }',
      'layer_sparsity.layer must be regular expressions',
    ),
    (
      WINDOW + 'schedule: CONSTANT initial_sparsity: 0.1',
      'initial_sparsity has no meaning in a CONSTANT schedule',
    ),
    (
      'target_sparsity: 0.8 start_step: 10',
      'start_step is 10 but end_step is not set',
    ),
    (
      'target_sparsity: 0.8 end_step: 50',
      'end_step is 50 but start_step is not set',
    ),
    ('target_sparsity: 0.8', 'start_step and end_step must be set'),
    ('start_step: 1 end_step: 2', 'start_step is set but target_sparsity'),
    ('frequency: 5', 'frequency is set but target_sparsity (--sparsity) is'),
    ('exponent: 2', 'exponent is set but target_sparsity'),
    ('schedule: CONSTANT', 'schedule is set but target_sparsity'),
    ('granularity: "2:4"', 'granularity is set but target_sparsity'),
    ('allocation: "global"', 'allocation is set but target_sparsity'),
    (
      WINDOW + 'criterion: "size"',
      'criterion must be one of magnitude, random, taylor, movement, got '
      "'size'",
    ),
    (
      WINDOW + 'granularity: "big"',
      "granularity must be one of weight, N:M, IxO, filter, got 'big'",
    ),
    (
      WINDOW + 'allocation: "erk"',
      'allocation must be one of uniform, erdos_renyi_kernel, global, got',
    ),
    (
      WINDOW + 'max_layer_sparsity: 0.9',
      'max_layer_sparsity has no meaning with allocation uniform, got 0.9',
    ),
    (
      WINDOW + 'granularity: "2:4"',
      'target_sparsity must be 0.5 with granularity 2:4, got 0.8',
    ),
    (
      'target_sparsity: 0.5 start_step: 10 end_step: 50 granularity: "2:4" '
      'mask_depthwise: true',
      'depthwise kernel has one: mask_depthwise does not go with it',
    ),
    (
      WINDOW + 'regrowth: "rigl" schedule: POLYNOMIAL',
      'regrowth rigl keeps the sparsity, so the schedule must be CONSTANT',
    ),
    (
      WINDOW + 'regrowth: "grow"',
      'regrowth must be one of soft, set, rigl, got',
    ),
    (
      WINDOW + 'regrowth: "soft" regrowth_share: 0.2',
      'regrowth_share has no meaning with regrowth soft, got 0.2',
    ),
    (
      WINDOW + 'regrowth: "soft" criterion: "random"',
      'criterion random looks at no weight: it must be one of magnitude, '
      'taylor, movement',
    ),
    (
      WINDOW + 'regrowth: "set" regrowth_share: 1',
      'regrowth_share must be in (0, 1), got 1.0',
    ),
    (
      WINDOW + 'regrowth_share: 0.2',
      'regrowth_share is 0.2 but regrowth is not set: it must be one of set, '
      'rigl',
    ),
    ('regrowth: "set"', 'regrowth is set but target_sparsity'),
    (
      WINDOW + 'regrowth: "set" granularity: "filter"',
      'regrowth set moves single weights, so granularity must be weight',
    ),
    ('initial_sparsity: 0.1', 'initial_sparsity is set but target_sparsity'),
    (
      'layer_sparsity { layer: "a" target_sparsity: 0.5 }',
      'layer_sparsity is set but target_sparsity',
    ),
  ],
)
def test_wrong_value_is_named_with_its_field(text, words):
  with pytest.raises(errors.InputError) as error:
    build(text)
  assert words in str(error.value)
  assert '\n' not in str(error.value)


def test_flags_win_over_the_message_and_leave_it_alone():
  given = message(WINDOW + 'exclude: "head"')
  effective = pruning_builder.with_overrides(
    given, 100, target_sparsity=0.6, frequency=5, start_step=None
  )
  assert effective == message(
    WINDOW.replace('0.8', '0.6') + 'frequency: 5 exclude: "head"'
  )
  assert given == message(WINDOW + 'exclude: "head"')


def test_window_is_a_part_of_the_run_where_none_is_given():
  effective = pruning_builder.with_overrides(
    message(''), 1000, target_sparsity=0.6
  )
  assert (effective.start_step, effective.end_step) == (100, 750)
  assert not pruning_builder.with_overrides(message(''), 1000).ListFields()
  unknown = pruning_builder.with_overrides(message(''), 0, target_sparsity=0.6)
  assert not unknown.HasField('start_step')
  half = pruning_builder.with_overrides(
    message(''), 1000, target_sparsity=0.6, start_step=5
  )
  assert not half.HasField('end_step')


def test_message_survives_its_text_form():
  sparsity = 0.1 + 0.2
  text = text_format.MessageToString(
    pruning_builder.with_overrides(message(''), target_sparsity=sparsity)
  )
  assert math.isclose(message(text).target_sparsity, sparsity, rel_tol=1e-15)


def test_network_has_its_masks_whatever_the_schedule_says():
  given = message('target_sparsity: 0.5 include: "one"')
  with tf.Graph().as_default(), pruning_builder.network_scope(given):
    net = tf.zeros([1, 4, 4, 3])
    for scope in ('one', 'two'):
      net = slim.conv2d(net, 8, 1, scope=scope)
    masked = [kernel.weights.op.name for kernel in masking.masked_kernels()]
  assert masked == ['one/weights']


def test_broken_pattern_of_a_network_is_named():
  broken = pruning_builder.network_scope(message('exclude: "("'))
  with pytest.raises(errors.InputError, match='exclude'), broken:
    pass


def test_a_network_of_keras_is_refused_and_the_reason_said():
  with tf.Graph().as_default() as graph, masking.masking_scope(['']):
    tf.keras.layers.Conv2D(8, 3)(tf.zeros([1, 8, 8, 3]))
    settings = build(WINDOW + "include: ''")
    with pytest.raises(errors.InputError, match='Keras layers cannot; take a'):
      pruning_builder.check_patterns(settings, graph)
