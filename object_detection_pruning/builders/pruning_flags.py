"""The flags that stand for fields of the `pruning` message, in one table."""

from typing import Any, Callable, Dict, NamedTuple, Optional

from absl import flags

from object_detection_pruning.common import checks
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.core import (
  allocation,
  choices,
  criteria,
  granularity,
  regrowth,
)

# Else --help would not list them as those of the command.
flags.disclaim_key_flags()


class PruningFlag(NamedTuple):
  """A flag that overrides a field of the `pruning` message.

  Attributes:
    name: of the flag.
    define: absl's function that defines it, or that of shared flags.
    help: what it means; of a shared flag, the note.
    field: the field, with the name of the message that it is in before it; as
      the flag is called if not given.
    check: raises `InputError` for a value that cannot be, and names the flag.
      Others are checked with the whole message.
  """

  name: str
  define: Callable
  help: str
  field: Optional[str] = None
  check: Optional[Callable[[str, Any], Any]] = None


PRUNING_FLAGS = (
  PruningFlag(
    'pruning_start_step',
    flags.DEFINE_integer,
    'Step of the first mask update. With neither start nor end in flags or '
    'config: 10 % (0 with set and rigl) and 75 % of the training steps.',
    'start_step',
    checks.step,
  ),
  PruningFlag(
    'pruning_end_step',
    flags.DEFINE_integer,
    'Step of the last mask update.',
    'end_step',
    checks.step,
  ),
  PruningFlag(
    'pruning_frequency',
    flags.DEFINE_integer,
    'Steps between mask updates [config: 10; with set and rigl 100].',
    'frequency',
    checks.count,
  ),
  PruningFlag(
    'initial_sparsity',
    flags.DEFINE_float,
    'Fraction of zeros at the first update [config: 0].',
    check=checks.sparsity,
  ),
  PruningFlag(
    'criterion',
    shared_flags.define,
    f'[config: magnitude] {choices.help_text(criteria.CRITERIA)}.',
  ),
  PruningFlag(
    'granularity',
    shared_flags.define,
    f'[config: weight] {choices.help_text(granularity.GRANULARITIES)}.',
  ),
  PruningFlag(
    'allocation',
    shared_flags.define,
    f'[config: uniform] {choices.help_text(allocation.ALLOCATIONS)}.',
  ),
  PruningFlag(
    'max_layer_sparsity',
    flags.DEFINE_float,
    'Largest share of zeros in a layer, in [0, 1); with uniform, refused.',
    check=checks.sparsity,
  ),
  PruningFlag(
    'regrowth',
    flags.DEFINE_string,
    'How masked weights grow back. With set and rigl the sparsity is constant: '
    'the smallest weights are dropped, and as many others grow back. '
    f'{choices.help_text(regrowth.REGROWTHS)}.',
  ),
  PruningFlag(
    'regrowth_share',
    flags.DEFINE_float,
    'Share of the kept weights that set and rigl replace at an update, in '
    '(0, 1) '
    f'[config: {regrowth.DEFAULT_SHARE}].',
    check=checks.fraction,
  ),
  PruningFlag(
    'rewind_checkpoint',
    flags.DEFINE_string,
    'Earlier checkpoint, or folder of checkpoints, whose weights training '
    'begins with, under the masks of the fine_tune_checkpoint.',
  ),
  PruningFlag(
    'rewind_step',
    flags.DEFINE_boolean,
    'Begin with the global step of that checkpoint too, and not with 0 '
    '[config: true].',
  ),
  PruningFlag(
    'fit_learning_rate',
    flags.DEFINE_boolean,
    'Stretch or squeeze the learning rate of the config to the steps of this '
    'run [config: false; true in what prune_channels and prune_weights write].',
  ),
  PruningFlag(
    'soft_filter_pruning_ratio',
    flags.DEFINE_float,
    'Share of the filters of each channel group that is set to zero now and '
    'then and may grow back, in (0, 1), in a network without masks.',
    check=checks.fraction,
  ),
  PruningFlag(
    'soft_filter_pruning_frequency',
    flags.DEFINE_integer,
    'Steps between these updates [config: one pass over the training data].',
    check=checks.count,
  ),
  PruningFlag(
    'soft_filter_pruning_max_failure_rate',
    flags.DEFINE_float,
    'Share of the filters set to zero that may come back, in [0, 1).',
    check=checks.sparsity,
  ),
  PruningFlag(
    'soft_filter_pruning_max_rounds',
    flags.DEFINE_integer,
    'Run the training steps up to this often, while more come back '
    '[config: 1].',
    check=checks.count,
  ),
  PruningFlag(
    'teacher',
    flags.DEFINE_string,
    'Checkpoint, folder of checkpoints, or frozen graph of a dense model to '
    'learn from too (knowledge distillation).',
    'distillation_teacher',
  ),
  PruningFlag(
    'teacher_config_path',
    flags.DEFINE_string,
    'Pipeline config of the teacher; the config of this model without masks if '
    'not set.',
    'distillation_teacher_config',
  ),
  PruningFlag(
    'distillation_class_weight',
    flags.DEFINE_float,
    'Weight of the difference of class scores to those of the teacher.',
    check=checks.not_negative,
  ),
  PruningFlag(
    'distillation_box_weight',
    flags.DEFINE_float,
    'Weight of the difference of box encodings to those of the teacher.',
    check=checks.not_negative,
  ),
  PruningFlag(
    'distillation_feature_weight',
    flags.DEFINE_float,
    'Weight of the difference of feature maps to those of the teacher.',
    check=checks.not_negative,
  ),
)


def define() -> None:
  """Defines the flags, none of them set."""
  for flag in PRUNING_FLAGS:
    flag.define(flag.name, None, flag.help)


def overrides(values: flags.FlagValues) -> Dict[str, Any]:
  """Gives the overrides that `pruning_builder.with_overrides` takes.

  Each value is checked by itself, so that the line names the flag.

  Args:
    values: absl's flags, parsed.

  Returns:
    Values by field; None where a flag is not set.

  Raises:
    InputError: a value is out of range.
  """
  result = {}
  for flag in PRUNING_FLAGS:
    value = values[flag.name].value
    if value is not None and flag.check is not None:
      flag.check(f'--{flag.name}', value)
    result[flag.field or flag.name] = value
  return result
