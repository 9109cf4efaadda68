import pytest
from google.protobuf import text_format
from object_detection.protos import optimizer_pb2

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
