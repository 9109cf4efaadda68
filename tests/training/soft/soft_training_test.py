import json
import os

import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.training.soft import (
  pruning_rounds,
  recovery_report,
  soft_training,
)

EXTRACTOR = 'FeatureExtractor/MobilenetV1/'


def _prepare(config, steps=20, **settings):
  return soft_training.prepare(
    config,
    pruning_rounds.Settings(**dict({'ratio': 0.4}, **settings)).check(),
    steps,
    tf.estimator.RunConfig('/no/model_dir'),
  )


def test_epoch_is_the_frequency_if_none_is_given(data):
  # Eight images in batches of three.
  config = detectors.config(detectors.ssd(), data, batch_size=3)
  assert _prepare(config).settings.frequency == 3
  assert _prepare(config, frequency=7).settings.frequency == 7


def test_only_layers_that_are_meant_are_pruned(data):
  config = detectors.config(detectors.ssd(), data)
  soft = _prepare(config, include=['Conv2d_1'], exclude=['_pointwise_1', '13'])
  assert [group.name for group in soft.channel_groups] == [
    EXTRACTOR + f'Conv2d_{number}_pointwise' for number in (1, 10, 11, 12)
  ]


def test_pattern_that_finds_nothing_is_an_error(data):
  with pytest.raises(errors.InputError, match="include pattern 'Conv9' is fou"):
    _prepare(detectors.config(detectors.ssd(), data), include=['Conv9'])


def test_masked_network_is_an_error(data):
  for config in (
    detectors.config(detectors.ssd(masked=True), data),
    detectors.config(detectors.ssd(), data, pruning='include: "Conv2d_1"'),
  ):
    with pytest.raises(errors.InputError, match='for networks without masks'):
      _prepare(config)


def test_run_without_an_end_is_an_error(data):
  with pytest.raises(errors.InputError, match='needs the number of training'):
    _prepare(detectors.config(detectors.ssd(), data), steps=None)


@pytest.mark.parametrize(
  'settings, line',
  [
    ({'ratio': 0.0}, r'ratio must be in \(0, 1\), got 0.0'),
    ({'start_step': -1}, 'start_step must be a whole number'),
    ({'thresholds': (0.0,)}, 'threshold must be above 0'),
    ({'exclude': ('[',)}, 'exclude must be regular expressions'),
    ({'max_rounds': 0}, 'max_rounds must be a whole number'),
    ({'start_step': 15, 'ramp_steps': 5}, r'last training step \(20\), got 15'),
    ({'start_step': 4, 'frequency': 17}, r'training step \(20\), got 17'),
  ],
)
def test_setting_out_of_range_is_an_error(data, settings, line):
  config = detectors.config(detectors.ssd(), data)
  with pytest.raises(errors.InputError, match=line):
    _prepare(config, **settings)


def test_share_rises_over_the_ramp_and_stays_in_later_rounds():
  settings = pruning_rounds.Settings(
    0.4, 4, 10, 5, max_failure_rate=0.1, max_rounds=2
  )
  schedule = settings.schedule(30)
  assert [schedule.sparsity(step) for step in (3, 4, 9, 14, 60)] == (
    pytest.approx([0, 0, 0.2, 0.4, 0.4])
  )
  assert schedule.last_update(58) == 54
  assert schedule.last_update(60) == 60


def test_second_update_may_be_that_of_the_last_step():
  settings = pruning_rounds.Settings(0.4, start_step=4, frequency=16)
  schedule = settings.schedule(20)
  assert [schedule.next_update(step) for step in (-1, 4, 20)] == [4, 20, None]


_COSINE = """cosine_decay_learning_rate {
  learning_rate_base: 0.1 total_steps: %d warmup_steps: 0
}"""


@pytest.mark.parametrize('total_steps, warns', [(20, True), (40, False)])
def test_warns_where_a_second_round_would_train_nothing(
  data, caplog, total_steps, warns
):
  config = detectors.config(detectors.ssd(), data)
  momentum = config.train_config.optimizer.momentum_optimizer
  momentum.ClearField('learning_rate')
  text_format.Merge(_COSINE % total_steps, momentum.learning_rate)
  with caplog.at_level('WARNING', 'tensorflow'):
    _prepare(config, max_rounds=2, max_failure_rate=0.1)
  assert ('a second round of soft filter pruning' in caplog.text) == warns


def _training(tmp_path, max_rounds=3):
  settings = pruning_rounds.Settings(
    0.4, frequency=2, max_failure_rate=0.25, max_rounds=max_rounds
  )
  return soft_training.SoftTraining(settings, [], 10, str(tmp_path))


def _train_to(tmp_path, came_back, steps):
  """Trains to steps that it notes; `came_back` of 10 filters by step."""

  def train_to(last_step):
    steps.append(last_step)
    report = recovery_report.GroupReport(
      'one', last_step, list(range(10)), [came_back[last_step]], [0.01]
    )
    recovery_report.State(last_step, {}, [report]).write(
      str(tmp_path / 'soft_filter_pruning/state.json')
    )
    return f'metrics {last_step}'

  return train_to


def test_rounds_end_once_few_filters_come_back(tmp_path):
  steps = []
  train_to = _train_to(tmp_path, {10: 8, 20: 2, 30: 0}, steps)
  assert _training(tmp_path).train(train_to) == 'metrics 20'
  assert steps == [10, 20]


def test_rounds_that_were_done_are_not_done_again(tmp_path):
  steps = []
  train_to = _train_to(tmp_path, {10: 8, 20: 7, 30: 6}, steps)
  _training(tmp_path, max_rounds=2).train(train_to)
  assert _training(tmp_path).train(train_to) == 'metrics 30'
  assert steps == [10, 20, 30]


@pytest.fixture(scope='module')
def trained_softly(data, tmp_path_factory):
  """The command's folder after a run of five steps, and its log."""
  folder = tmp_path_factory.mktemp('soft')
  config = detectors.config(
    detectors.ssd(),
    data,
    learning_rate=1e-6,
    pruning='soft_filter_pruning { threshold: 0.6 threshold: 0.3 }',
  )
  model_dir = str(folder / 'model')
  result = processes.python(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={detectors.write(config, folder)}',
    f'--model_dir={model_dir}',
    '--num_train_steps=5',
    '--soft_filter_pruning_ratio=0.4',
    '--soft_filter_pruning_frequency=2',
    '--soft_filter_pruning_max_failure_rate=0.0',
    '--soft_filter_pruning_max_rounds=2',
  )
  assert result.returncode == 0, result.stderr
  return model_dir, result.stderr


@pytest.fixture(scope='module')
def state(trained_softly):
  """What the run has written of its last update."""
  path = os.path.join(trained_softly[0], 'soft_filter_pruning/step_5.json')
  with open(path) as file:
    return json.load(file)


@pytest.fixture(scope='module')
def narrow(trained_softly, tmp_path_factory):
  """The folder of what surgery leaves of the trained network."""
  model_dir = trained_softly[0]
  folder = str(tmp_path_factory.mktemp('surgery') / 'narrow')
  result = processes.python(
    '-m',
    'object_detection_pruning.prune_channels',
    f'--pipeline_config_path={model_dir}/pipeline.config',
    f'--checkpoint={model_dir}',
    f'--output_dir={folder}',
    '--ratio=0.4',
    '--importance=filter_l2',
    '--recalibrate_batch_norm=0',
  )
  assert result.returncode == 0, result.stderr
  return folder


@pytest.mark.slow
def test_command_ends_after_a_round_in_which_none_came_back(trained_softly):
  # At this rate none does, by the first threshold.
  assert (
    'Soft filter pruning: 0.0 % of the filters came back (above 0.3 of the '
    'others) in round 1 of at most 2'
  ) in trained_softly[1]
  assert sorted(
    os.listdir(os.path.join(trained_softly[0], 'soft_filter_pruning'))
  ) == ['state.json', 'step_5.json']


def test_command_reports_on_filters_between_updates(state):
  # Updates of steps 0, 2 and 4, of which the last is looked at by nobody.
  assert state['update_step'] == 4
  assert {report['step'] for report in state['reports']} == {4}
  assert {tuple(report['thresholds']) for report in state['reports']} == {
    (0.3, 0.6)
  }


def test_command_writes_its_flags_into_the_config(trained_softly):
  effective = pipeline.load(os.path.join(trained_softly[0], 'pipeline.config'))
  soft = pipeline.pruning_message(effective).soft_filter_pruning
  assert (soft.ratio, soft.frequency, soft.max_rounds) == (0.4, 2, 2)


def test_surgery_takes_the_filters_that_are_near_zero(
  trained_softly, state, narrow
):
  layer = EXTRACTOR + 'Conv2d_4_pointwise'
  old = checkpoints.read(checkpoints.resolve(trained_softly[0]))
  new = checkpoints.read(os.path.join(narrow, 'model.ckpt'))
  inputs = state['selected'][EXTRACTOR + 'Conv2d_3_pointwise']
  outputs = state['selected'][layer]
  np.testing.assert_array_equal(
    new[layer + '/weights'],
    np.delete(np.delete(old[layer + '/weights'], inputs, 2), outputs, 3),
  )


def test_narrow_network_is_to_be_trained_and_not_pruned_once_more(narrow):
  written = pipeline.load(os.path.join(narrow, 'pipeline.config'))
  assert not pipeline.pruning_message(written).HasField('soft_filter_pruning')
