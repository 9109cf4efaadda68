"""Turns the `pruning` message of a pipeline config into plain objects."""

import contextlib
from typing import Iterator, NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  choices,
  layer_patterns,
  mask_rules,
  masking,
  pruning_method,
  regrowth,
  schedules,
  widths,
)
from object_detection_pruning.protos import pruning_pb2

# A window for a run that names none: the first tenth of the steps lets the
# model settle, the last quarter lets it recover.
_DEFAULT_START = 0.1
_DEFAULT_END = 0.75
# A weight that has grown needs time until it is not the smallest any more.
_REGROWTH_FREQUENCY = 100
_NESTED = ('soft_filter_pruning', 'distillation')


class PruningSettings(NamedTuple):
  """How a model is pruned.

  Attributes:
    schedule: when masks change; None where they stay as they are.
    method: which weights become zero then.
    include: patterns of layers to mask beside the masked feature extractor.
    exclude: patterns of layers to leave dense.
    mask_depthwise: whether depthwise kernels are masked.
    layer_widths: of all layers of a network whose channels were removed.
  """

  schedule: Optional[schedules.Schedule] = None
  method: pruning_method.PruningMethod = pruning_method.PruningMethod()
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()
  mask_depthwise: bool = False
  layer_widths: Sequence[widths.LayerWidth] = ()


def with_overrides(
  message: pruning_pb2.Pruning,
  train_steps: Optional[int] = None,
  **overrides,
) -> pruning_pb2.Pruning:
  """Copies a message, with what was given on the command line in its fields.

  Args:
    message: from the pipeline config; may be empty.
    train_steps: last training step, where it is known. Where there is a target
      but no window, the window is a part of these steps.
    **overrides: field values by name; None leaves the field alone. Those of
      `soft_filter_pruning` and `distillation` have its name before their own.

  Returns:
    The effective message.
  """
  effective = pruning_pb2.Pruning()
  effective.CopyFrom(message)
  for field, value in overrides.items():
    if value is None:
      continue
    owner = effective
    for nested in _NESTED:
      if field.startswith(nested + '_'):
        owner, field = getattr(effective, nested), field[len(nested) + 1 :]
    setattr(owner, field, value)
  no_window = not (
    effective.HasField('start_step') or effective.HasField('end_step')
  )
  if effective.HasField('target_sparsity') and no_window and train_steps:
    # Masks that move have a sparsity from the start.
    moves = regrowth.keeps_sparsity(effective.regrowth)
    share = 0 if moves else _DEFAULT_START
    effective.start_step = int(share * train_steps)
    effective.end_step = int(_DEFAULT_END * train_steps)
  return effective


def build(message: pruning_pb2.Pruning) -> PruningSettings:
  """Checks a message and gives the objects that it describes.

  Args:
    message: a `pruning` message.

  Returns:
    The settings; without a schedule where no target sparsity is set.

  Raises:
    InputError: a value is out of range or missing; the line names its field.
  """
  layer_patterns.check('include', message.include)
  layer_patterns.check('exclude', message.exclude)
  for entry in message.layer_sparsity:
    for field in ('layer', 'target_sparsity'):
      if not entry.HasField(field):
        raise errors.InputError(
          f'layer_sparsity must have layer and target_sparsity, got no {field}'
        )
  method = _build_method(message)
  schedule = _build_schedule(message)
  return PruningSettings(
    schedule and method.fit(schedule),
    method,
    tuple(message.include),
    tuple(message.exclude),
    message.mask_depthwise,
    tuple(widths.from_message(message)),
  )


def check_some_masked() -> None:
  """Raises `InputError` where the default graph has no masked kernel."""
  if not masking.masked_kernels():
    raise errors.InputError(
      'no kernel got a mask: exclude patterns must leave some of the layers '
      + layer_patterns.listed(mask_rules.candidate_layers())
    )


def check_patterns(settings: PruningSettings, graph: tf.Graph = None) -> None:
  """Raises `InputError` for a pattern that is found in no layer of a graph.

  Layers of Keras are no layers here: they make their kernels without asking the
  getter of the variable scope, which masks come from.
  """
  candidates = mask_rules.candidate_layers(graph)
  for field in ('include', 'exclude'):
    patterns = getattr(settings, field)
    if patterns and not candidates:
      raise errors.InputError(
        f'{field} pattern {patterns[0]!r} is found in no layer, since this '
        'network has none that can be masked: Keras layers cannot; take a '
        'feature extractor without Keras, such as ssd_mobilenet_v1_fpn for '
        'ssd_mobilenet_v1_fpn_keras'
      )
  layer_patterns.check_each_found(
    settings.include, settings.exclude, candidates
  )


@contextlib.contextmanager
def network_scope(message: pruning_pb2.Pruning) -> Iterator[None]:
  """The masks and widths of a message, for what is built in this context.

  The schedule is not looked at: its window may depend on the steps of a run.

  Args:
    message: a `pruning` message.

  Raises:
    InputError: a pattern is broken.
  """
  layer_patterns.check('include', message.include)
  layer_patterns.check('exclude', message.exclude)
  with widths.width_scope(widths.from_message(message)), masking.masking_scope(
    list(message.include), list(message.exclude), message.mask_depthwise
  ):
    yield


def _build_method(message: pruning_pb2.Pruning) -> pruning_method.PruningMethod:
  bound = None
  if message.HasField('max_layer_sparsity'):
    bound = message.max_layer_sparsity
  method = pruning_method.PruningMethod(
    message.criterion,
    message.granularity,
    allocation.find(message.allocation, bound),
    tuple(
      allocation.LayerSparsity(entry.layer, entry.target_sparsity)
      for entry in message.layer_sparsity
    ),
    _build_regrowth(message),
  )
  if message.mask_depthwise and method.granularity.fixed_sparsity is not None:
    raise errors.InputError(
      f'granularity {method.granularity} masks some inputs of each output, and '
      'a depthwise kernel has one: mask_depthwise does not go with it'
    )
  return method


def _build_regrowth(
  message: pruning_pb2.Pruning,
) -> Optional[regrowth.Regrowth]:
  if message.HasField('regrowth'):
    share = None
    if message.HasField('regrowth_share'):
      share = message.regrowth_share
    return regrowth.find(message.regrowth, share)
  if message.HasField('regrowth_share'):
    raise errors.InputError(
      f'regrowth_share is {message.regrowth_share} but regrowth is not set: '
      f'it must be one of {", ".join(choices.forms(regrowth.EXCHANGES))}'
    )
  return None


def _build_schedule(
  message: pruning_pb2.Pruning,
) -> Optional[schedules.Schedule]:
  scheduling = [
    field.name
    for field, _ in message.ListFields()
    if field.name
    in (
      'schedule',
      'initial_sparsity',
      'start_step',
      'end_step',
      'frequency',
      'exponent',
      'layer_sparsity',
      'criterion',
      'granularity',
      'allocation',
      'max_layer_sparsity',
      'regrowth',
    )
  ]
  if not message.HasField('target_sparsity'):
    if scheduling:
      raise errors.InputError(
        f'{scheduling[0]} is set but target_sparsity (--sparsity) is not'
      )
    return None
  _check_window(message)
  frequency = message.frequency
  is_constant = message.schedule == pruning_pb2.Pruning.CONSTANT
  if regrowth.keeps_sparsity(message.regrowth):
    is_constant = is_constant or not message.HasField('schedule')
    if not message.HasField('frequency'):
      frequency = _REGROWTH_FREQUENCY
  if not is_constant:
    return schedules.PolynomialSchedule(
      message.target_sparsity,
      message.start_step,
      message.end_step,
      message.initial_sparsity,
      frequency,
      message.exponent,
    )
  if message.HasField('initial_sparsity'):
    raise errors.InputError(
      'initial_sparsity has no meaning in a CONSTANT schedule, '
      f'got {message.initial_sparsity}'
    )
  return schedules.ConstantSchedule(
    message.target_sparsity,
    message.start_step,
    message.end_step,
    frequency,
  )


def _check_window(message: pruning_pb2.Pruning) -> None:
  # The flags are --pruning_start_step and --pruning_end_step.
  for field, other in (('start_step', 'end_step'), ('end_step', 'start_step')):
    if message.HasField(other) and not message.HasField(field):
      raise errors.InputError(
        f'{other} is {getattr(message, other)} but {field} is not set: '
        'give both or neither'
      )
  if not message.HasField('start_step'):
    raise errors.InputError(
      'start_step and end_step must be set, since the number of training '
      'steps is not known'
    )
