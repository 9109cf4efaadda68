import pytest

from object_detection_pruning.common import hyperparameters


def test_overrides_keep_the_type_of_what_they_override():
  values = hyperparameters.HParams(load=True, rate=0.5, steps=3)
  values.parse('load=False, rate=2,steps=7')
  assert values.values() == {'load': False, 'rate': 2.0, 'steps': 7}
  assert isinstance(values.rate, float)


def test_default_stands_for_a_name_that_is_not_there():
  values = hyperparameters.HParams(load=True)
  assert values.get('load') is True
  assert values.get('export_to_tpu', 'no') == 'no'


def test_value_is_set_where_there_is_one():
  values = hyperparameters.HParams(keep=0.5)
  values.set_hparam('keep', 1.0)
  assert values.keep == 1.0
  with pytest.raises(KeyError, match='drop'):
    values.set_hparam('drop', 1.0)


@pytest.mark.parametrize(
  'overrides, message',
  [
    ('learning_rate=1', "Unknown hyperparameter 'learning_rate'"),
    ('load', "not of the form name=value: 'load'"),
    ('load=maybe', "load must be a bool, got 'maybe'"),
    ('steps=1.5', "steps must be a int, got '1.5'"),
  ],
)
def test_override_that_cannot_be_is_named(overrides, message):
  values = hyperparameters.HParams(load=True, steps=3)
  with pytest.raises(ValueError, match=message):
    values.parse(overrides)
