import pytest
from absl import flags

from object_detection_pruning.builders import pruning_builder, pruning_flags
from object_detection_pruning.common import errors
from object_detection_pruning.protos import pruning_pb2


def parse(*arguments):
  values = flags.FlagValues()
  for flag in pruning_flags.PRUNING_FLAGS:
    flag.define(flag.name, None, flag.help, flag_values=values)
  values(['program', *arguments])
  return pruning_flags.overrides(values)


def test_every_flag_is_a_field_of_the_message():
  assert set(parse().values()) == {None}
  given = dict.fromkeys(parse())
  for field in given:
    for value in (1, 0.5, 'text'):
      try:
        message = pruning_builder.with_overrides(
          pruning_pb2.Pruning(), **{field: value}
        )
      except TypeError:
        continue
      given[field] = message.ByteSize()
      break
  assert all(given.values())


def test_flags_go_to_the_fields_that_they_stand_for():
  message = pruning_builder.with_overrides(
    pruning_pb2.Pruning(),
    **parse('--pruning_start_step=3', '--teacher=dense', '--criterion=random'),
  )
  assert message.start_step == 3
  assert message.distillation.teacher == 'dense'
  assert message.criterion == 'random'
  assert not message.HasField('end_step')


@pytest.mark.parametrize(
  'argument, line',
  [
    ('--pruning_frequency=0', '--pruning_frequency must be a whole number, 1'),
    ('--initial_sparsity=1', '--initial_sparsity must be in'),
    ('--soft_filter_pruning_ratio=1', r'--soft_filter_pruning_ratio .* \(0, 1'),
    ('--regrowth_share=0', r'--regrowth_share must be in \(0, 1\), got 0.0'),
    ('--distillation_box_weight=-1', '--distillation_box_weight must be 0'),
  ],
)
def test_a_value_out_of_range_is_told_with_its_flag(argument, line):
  with pytest.raises(errors.InputError, match=line):
    parse(argument)
