"""Evaluation needs nothing of the training section but what it reads."""

import detectors
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.training import model_lib


def averaged(train):
  train.optimizer.use_moving_average = True


def without_optimizer(train):
  train.ClearField('optimizer')


def without_rate(train):
  train.optimizer.momentum_optimizer.ClearField('learning_rate')


@pytest.mark.parametrize(
  'change, rate',
  [(averaged, 0.01), (without_optimizer, 0.0), (without_rate, 0.0)],
)
def test_optimizer_of_the_config_need_not_be_one_of_this_stack(
  data, tmp_path, change, rate
):
  config = detectors.config(detectors.ssd(), data)
  change(config.train_config)
  before = config.SerializeToString()
  run = model_lib.create_estimator_and_inputs(
    config,
    tf.estimator.RunConfig(str(tmp_path)),
    restored_from=str(tmp_path),
  )
  metrics = run['estimator'].evaluate(run['eval_input_fns'][0])
  # The stock evaluation tells the rate, and the config's own stays.
  assert metrics['learning_rate'] == pytest.approx(rate)
  assert config.SerializeToString() == before
