"""Hyperparameters of contrib's pruning, as a message says the same."""

import re

import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from object_detection_pruning.builders import contrib_hparams, pruning_builder
from object_detection_pruning.common import errors
from object_detection_pruning.core import schedules
from object_detection_pruning.protos import pruning_pb2

CIFAR = (
  'name=cifar10_pruning,begin_pruning_step=1000,end_pruning_step=9000,'
  'target_sparsity=0.9,sparsity_function_begin_step=1000,'
  'sparsity_function_end_step=9000'
)


def message(text, given='', **flags):
  return contrib_hparams.with_hparams(
    text_format.Parse(given, pruning_pb2.Pruning()), text, flags
  )


def test_contribs_example_is_the_schedule_that_it_means():
  settings = pruning_builder.build(message(CIFAR))
  assert isinstance(settings.schedule, schedules.PolynomialSchedule)
  for step, sparsity in ((999, 0), (5000, 0.9 * (1 - 0.5**3)), (9000, 0.9)):
    assert settings.schedule.sparsity(step) == pytest.approx(sparsity)
  assert settings.schedule.frequency == 10


def test_what_is_left_out_has_contribs_default():
  expected = pruning_pb2.Pruning(
    schedule=pruning_pb2.Pruning.POLYNOMIAL,
    initial_sparsity=0,
    target_sparsity=0.5,
    start_step=0,
    end_step=100,
    frequency=10,
    exponent=3,
  )
  assert message('use_tpu=false') == expected
  given = 'schedule: CONSTANT start_step: 7 target_sparsity: 0.1'
  assert message('nbins = 256', given) == expected


def test_defaults_are_those_of_contrib():
  try:
    from tensorflow.contrib.model_pruning.python import pruning
  except ImportError:
    pytest.skip('TensorFlow 2 has no tf.contrib')
  theirs = dict(pruning.get_pruning_hparams().values())
  assert theirs.pop('weight_sparsity_map') == ['']
  ours = contrib_hparams.parse('')
  assert ours.pop('weight_sparsity_map') == ours.pop('do_not_prune') == ()
  assert ours == theirs


def test_every_value_goes_to_its_field():
  result = message(
    'sparsity_function_begin_step=4, sparsity_function_end_step=40,'
    'pruning_frequency=5,sparsity_function_exponent=1,initial_sparsity=0.25,'
    'begin_pruning_step=4,block_height=4,block_width=2,target_sparsity=0.75'
  )
  assert (result.start_step, result.end_step, result.frequency) == (4, 40, 5)
  assert (result.initial_sparsity, result.target_sparsity) == (0.25, 0.75)
  assert (result.exponent, result.granularity) == (1, '4x2')


@pytest.mark.parametrize(
  'name, layers',
  [
    ('conv1/weights', ['net/conv1']),
    ('conv1', ['net/conv1', 'net/conv10']),
    ('net/conv1/mask', ['net/conv1']),
    ('conv.', []),
  ],
)
def test_names_of_weights_become_patterns_of_layers(name, layers):
  result = message(
    f'weight_sparsity_map=[{name}:0.8],do_not_prune=[{name}]',
    'exclude: "old" layer_sparsity { layer: "conv" target_sparsity: 0.2 }',
  )
  pattern = result.layer_sparsity[0].layer
  known = ['net/conv1', 'net/conv10', 'net/other']
  assert [layer for layer in known if re.search(pattern, layer)] == layers
  assert list(result.exclude) == ['old', pattern]
  targets = [entry.target_sparsity for entry in result.layer_sparsity]
  assert targets == [0.8, 0.2]


def test_fields_of_another_meaning_stay():
  given = 'include: "Box" distillation { teacher: "dense" }'
  result = message(CIFAR, given, criterion='magnitude', target_sparsity=None)
  assert list(result.include) == ['Box']
  assert result.distillation.teacher == 'dense'


def test_name_that_is_not_used_gives_a_line(monkeypatch):
  lines = []
  monkeypatch.setattr(
    tf.logging, 'warning', lambda text, *values: lines.append(text % values)
  )
  message('name=model_pruning')
  assert lines == []
  message('name=cifar10')
  assert lines == [
    'The name cifar10 of --pruning_hparams is not used: summaries are under '
    'pruning/.'
  ]


@pytest.mark.parametrize(
  'text, line',
  [
    ('sparsity=0.5', 'sparsity is not known; known are name, begin_pruning'),
    ('nbins', "'nbins' is not of the form name=value"),
    ('nbins=256,nbins=256', 'nbins is given twice'),
    (
      'pruning_frequency=often',
      'pruning_frequency must be a whole number, got',
    ),
    ('pruning_frequency=[1,2]', "must be a whole number, got '[1,2]'"),
    ('use_tpu=maybe', "use_tpu must be true or false, got 'maybe'"),
    ('nbins=255', 'nbins=255 cannot be expressed: thresholds are exact'),
    ('use_tpu=true', 'use_tpu=True cannot be expressed: nothing here is for'),
    ('block_pooling_function=MAX', 'block_pooling_function=MAX cannot be'),
    ('threshold_decay=0.9', 'threshold_decay=0.9 cannot be expressed: each'),
    ('begin_pruning_step=7', 'begin_pruning_step=7 cannot be expressed: masks'),
    (
      'initial_sparsity=0.1,sparsity_function_begin_step=9',
      'begin_pruning_step=0 cannot be expressed: masks change from sparsity_f',
    ),
    ('end_pruning_step=99', 'masks change until sparsity_function_end_step (1'),
    ('end_pruning_step=200', 'end_pruning_step=200 cannot be expressed'),
    ('sparsity_function_end_step=0', 'must be before sparsity_function_end_st'),
    ('target_sparsity=1', 'target_sparsity must be in [0, 1), got 1.0'),
    ('pruning_frequency=0', 'pruning_frequency must be a whole number, 1 or'),
    ('block_height=0', 'block_height must be a whole number, 1 or more, got 0'),
    ('weight_sparsity_map=[conv1]', "form name:sparsity, got 'conv1'"),
    ('weight_sparsity_map=conv1:1', 'weight_sparsity_map of conv1 must be in'),
    (
      'weight_sparsity_map=[conv1:0.5],initial_sparsity=0.1',
      'initial_sparsity=0.1 cannot be expressed: layers of weight_sparsity_map',
    ),
  ],
)
def test_what_cannot_be_gives_one_line(text, line):
  with pytest.raises(errors.InputError, match=re.escape(line)) as caught:
    message(text)
  assert str(caught.value).startswith('--pruning_hparams: ')
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'field', ['target_sparsity', 'start_step', 'frequency']
)
def test_flag_of_the_same_meaning_is_refused(field):
  with pytest.raises(errors.InputError, match=f'both set {field}: give one'):
    message(CIFAR, **{field: 1})
