import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.protos import optimizer_pb2
from object_detection.utils import learning_schedules

from object_detection_pruning.training import learning_rates


def fitted(rate, steps=500, factor=0.5):
  optimizer = text_format.Parse(
    f'momentum_optimizer {{ learning_rate {{ {rate} }} }}',
    optimizer_pb2.Optimizer(),
  )
  learning_rates.fit(optimizer, steps, factor)
  settings = optimizer.momentum_optimizer.learning_rate
  return getattr(settings, settings.WhichOneof('learning_rate'))


def test_cosine_decay_ends_with_the_run():
  cosine = fitted(
    'cosine_decay_learning_rate { learning_rate_base: 0.02 total_steps: 9000 '
    'warmup_learning_rate: 0.015 warmup_steps: 300 }'
  )
  assert cosine.learning_rate_base == pytest.approx(0.01)
  assert cosine.total_steps == 500
  assert cosine.warmup_steps == 50
  assert cosine.warmup_learning_rate == pytest.approx(0.01)


@pytest.mark.parametrize(
  'total, hold, held',
  [
    (25000, 10000, 200),
    (1000, 650, 325),
    # All of a run would be held, and none of it decay.
    (25000, 25000, 250),
    (5000, 10000, 250),
    # Of a longer run no more is held.
    (200, 50, 50),
    (9000, 0, 0),
  ],
)
def test_cosine_decay_holds_its_rate_for_a_share_of_the_run(total, hold, held):
  cosine = fitted(
    f'cosine_decay_learning_rate {{ total_steps: {total} warmup_steps: 2000 '
    f'hold_base_rate_steps: {hold} }}'
  )
  assert cosine.hold_base_rate_steps == held


def test_rate_decays_to_the_end_of_a_short_run_after_it_was_held():
  cosine = fitted(
    'cosine_decay_learning_rate { learning_rate_base: 0.02 total_steps: 25000 '
    'warmup_steps: 2000 hold_base_rate_steps: 10000 }'
  )
  step = tf.placeholder(tf.int32, [])
  rate = learning_schedules.cosine_decay_with_warmup(
    step,
    cosine.learning_rate_base,
    cosine.total_steps,
    cosine.warmup_learning_rate,
    cosine.warmup_steps,
    cosine.hold_base_rate_steps,
  )
  with tf.Session() as session:
    rates = [session.run(rate, {step: at}) for at in (100, 250, 375, 500)]
  # Held up to step 250, and half of the decay is at 375.
  np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0], atol=1e-6)


def test_steps_of_other_schedules_stay():
  manual = fitted(
    'manual_step_learning_rate { initial_learning_rate: 0.02 '
    'schedule { step: 300 learning_rate: 0.004 } }'
  )
  assert manual.initial_learning_rate == pytest.approx(0.01)
  assert manual.schedule[0].step == 300
  assert manual.schedule[0].learning_rate == pytest.approx(0.002)


@pytest.mark.parametrize(
  'rate, field',
  [
    ('constant_learning_rate { learning_rate: 0.02 }', 'learning_rate'),
    (
      'exponential_decay_learning_rate { initial_learning_rate: 0.02 }',
      'initial_learning_rate',
    ),
  ],
)
def test_kind_of_schedule_stays(rate, field):
  settings = fitted(rate)
  assert getattr(settings, field) == pytest.approx(0.01)
