import detectors
import numpy as np
import pytest
from google.protobuf import text_format

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.training import run_rates

COSINE = (
  'cosine_decay_learning_rate { learning_rate_base: 0.02 total_steps: 600 '
  'warmup_learning_rate: 0.01 warmup_steps: 200 }'
)
EXPONENTIAL = (
  'exponential_decay_learning_rate { initial_learning_rate: 0.04 '
  'decay_steps: 150 decay_factor: 0.5 }'
)
MANUAL = (
  'manual_step_learning_rate { initial_learning_rate: 0.02 '
  'schedule { step: 300 learning_rate: 0.002 } '
  'schedule { step: 450 learning_rate: 0.0002 } }'
)
CONSTANT = 'constant_learning_rate { learning_rate: 0.02 }'
FIT = 'fit_learning_rate: true'


def with_rate(rate, steps, pruning=''):
  config = detectors.config(detectors.ssd(), num_steps=steps, pruning=pruning)
  optimizer = config.train_config.optimizer.momentum_optimizer
  optimizer.ClearField('learning_rate')
  text_format.Parse(rate, optimizer.learning_rate)
  return config


def prepared(rate, steps, pruning=FIT, made_for=600, folder='/no/model'):
  """Gives the config of a run, and the lines about it."""
  config = with_rate(rate, steps, pruning)
  return config, run_rates.prepare(config, made_for, str(folder))


def rates(config, *steps):
  return run_rates.rates(config.train_config.optimizer, np.array(steps))


@pytest.mark.parametrize(
  'rate, steps, at, expected, changes',
  [
    (
      COSINE,
      1000,
      [0, 50, 100, 550, 999, 1000],
      [0.01, 0.015, 0.02, 0.01, 6e-8, 0],
      'total_steps 600 -> 1000, warmup_steps 200 -> 100',
    ),
    (
      COSINE,
      60,
      [0, 3, 6, 33, 60],
      [0.01, 0.015, 0.02, 0.01, 0],
      'total_steps 600 -> 60, warmup_steps 200 -> 6',
    ),
    (
      EXPONENTIAL,
      1000,
      [0, 249, 250, 999],
      [0.04, 0.04, 0.02, 0.005],
      'decay_steps 150 -> 250',
    ),
    (
      EXPONENTIAL,
      40,
      [0, 9, 10, 39],
      [0.04, 0.04, 0.02, 0.005],
      'decay_steps 150 -> 10',
    ),
    (
      MANUAL,
      1000,
      [0, 499, 500, 749, 750, 999],
      [0.02, 0.02, 0.002, 0.002, 0.0002, 0.0002],
      'schedule.step 300/450 -> 500/750',
    ),
    (
      MANUAL,
      12,
      [0, 5, 6, 8, 9, 11],
      [0.02, 0.02, 0.002, 0.002, 0.0002, 0.0002],
      'schedule.step 300/450 -> 6/9',
    ),
  ],
)
def test_rates_follow_the_steps_of_the_run(rate, steps, at, expected, changes):
  config, lines = prepared(rate, steps)
  np.testing.assert_allclose(rates(config, *at), expected, atol=1e-7)
  assert lines == [f'learning rate fitted to {steps} steps: {changes}']
  # What is written into the model folder gives the same run again.
  again = with_rate(rate, steps)
  again.CopyFrom(config)
  assert run_rates.prepare(again, steps, '/no/model') == []
  assert again == config


@pytest.mark.parametrize('rate', [COSINE, EXPONENTIAL, MANUAL, CONSTANT])
@pytest.mark.parametrize('pruning', ['', FIT])
def test_nothing_changes_in_a_run_of_the_steps_of_the_config(rate, pruning):
  config, lines = prepared(rate, 600, pruning)
  assert config == with_rate(rate, 600, pruning)
  assert lines == []


def test_nothing_changes_where_it_is_not_asked_for():
  config, lines = prepared(EXPONENTIAL, 1000, '')
  assert config == with_rate(EXPONENTIAL, 1000)
  assert lines == []


def test_constant_rate_has_nothing_to_fit():
  config, lines = prepared(CONSTANT, 1000)
  assert config == with_rate(CONSTANT, 1000, FIT)
  assert lines == []


def test_boundaries_of_a_very_short_run_still_rise():
  config, _ = prepared(MANUAL, 1)
  optimizer = config.train_config.optimizer.momentum_optimizer
  schedule = optimizer.learning_rate.manual_step_learning_rate.schedule
  assert [entry.step for entry in schedule] == [1, 2]


@pytest.mark.parametrize(
  'rate, steps, made_for, reason',
  [
    (EXPONENTIAL, 1000, 0, 'the config does not say in train_config.num_steps'),
    (COSINE, 0, 600, 'the run has no last step'),
  ],
)
def test_what_cannot_be_fitted_is_told(rate, steps, made_for, reason):
  config, (line,) = prepared(rate, steps, made_for=made_for)
  assert config == with_rate(rate, steps, FIT)
  assert line.startswith(f'learning rate not fitted: {reason}')


def test_rounds_of_soft_filter_pruning_share_one_decay():
  soft = 'soft_filter_pruning { ratio: 0.5 max_rounds: 3 }'
  _, (line,) = prepared(COSINE, 1000, f'{FIT} {soft}')
  assert line.startswith('learning rate fitted to 3000 steps: total_steps 600')


def test_run_that_would_train_nothing_is_told_with_the_step_and_the_field():
  _, (line,) = prepared(COSINE, 1000, '')
  assert line.startswith('warning: the learning rate is 0 or less than a ')
  assert 'in 41 % of the steps that are left, from step 592 on' in line
  assert 'cosine_decay_learning_rate.total_steps is 600 and the run' in line
  assert line.endswith(
    'has 1000 steps; --fit_learning_rate fits the one to the other'
  )


def test_run_whose_last_steps_alone_are_idle_is_not_told():
  assert prepared(COSINE, 650, '')[1] == []
  assert prepared(COSINE, 600, '')[1] == []
  assert len(prepared(COSINE, 670, '')[1]) == 1


def test_step_is_exact_in_a_long_run():
  rate = COSINE.replace('600', '70000')
  _, (line,) = prepared(rate, 90000, '', made_for=70000)
  # Of the decay after the warm-up, 2 % is below a thousandth.
  at = int(line.split('from step ')[1].split()[0])
  config = with_rate(rate, 90000)
  before, after = rates(config, at - 1, at)
  assert after < 0.02 * 1e-3 <= before


@pytest.mark.parametrize('rate', ['0', '1e-9'])
def test_boundary_to_almost_nothing_is_told_and_the_flag_does_not_help(rate):
  schedule = MANUAL.replace('0.0002', rate)
  _, (line,) = prepared(schedule, 600, '')
  what = '0' if rate == '0' else '0 or less than a thousandth of its peak'
  assert f'is {what} in 25 % of the steps that are left, from step 450' in line
  assert 'schedule.step is 300/450 and the run has 600 steps; change' in line


def test_constant_rate_of_0_is_told():
  _, (line,) = prepared('constant_learning_rate { learning_rate: 0 }', 600, '')
  assert 'is 0 in 100 % of the steps that are left, from step 0 on' in line
  assert 'constant_learning_rate.learning_rate is 0.0 and the run' in line


def go_on(folder, step):
  prefix = str(folder / f'model.ckpt-{step}')
  checkpoints.write(prefix, {'global_step': np.int64(step)})
  checkpoints.name_latest(prefix)


@pytest.mark.parametrize('step', [300, 590, 599, 600])
def test_run_that_goes_on_near_its_end_is_not_told(tmp_path, step):
  go_on(tmp_path, step)
  assert prepared(COSINE, 600, '', folder=tmp_path)[1] == []


def test_run_that_goes_on_after_the_decay_is_told(tmp_path):
  go_on(tmp_path, 600)
  _, (line,) = prepared(COSINE, 650, '', folder=tmp_path)
  assert ' is 0 in 100 % of the steps that are left, from step 600 ' in line


def test_rate_that_stock_code_refuses_gives_one_line():
  with pytest.raises(errors.InputError, match='cannot be used: total_steps '):
    prepared(COSINE.replace('600', '100'), 100, '')


def test_config_without_an_optimizer_is_left_to_its_own_check():
  config = with_rate(CONSTANT, 600, FIT)
  config.train_config.ClearField('optimizer')
  assert run_rates.prepare(config, 600, '/no/model') == []


def test_moving_averages_are_no_part_of_a_rate():
  config = with_rate(CONSTANT, 600)
  config.train_config.optimizer.use_moving_average = True
  np.testing.assert_allclose(rates(config, 0, 599), 0.02)
  assert pipeline.pruning_message(config).fit_learning_rate is False
