"""One line on what a checkpoint gave a model, in place of one per variable."""

import contextlib
import logging
import re
from typing import Dict, Iterator, List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.platform import tf_logging

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import kernels, masking

# How the stock OD API reports a variable that it does not restore.
_MISSING = re.compile(r'Variable \[(?P<name>\S+)\] is not available')
_RESHAPED = re.compile(
  r'Variable \[(?P<name>\S+)\] is available in checkpoint, but has an '
  'incompatible shape'
)
_NAMED = 3
# Less of the kernels than this is no warm start that somebody wants unawares.
_LEAST_SHARE = 0.5


class _Collector(logging.Filter):
  def __init__(self):
    super().__init__()
    self.missing: List[str] = []
    self.reshaped: List[str] = []

  def filter(self, record: logging.LogRecord) -> bool:
    message = record.getMessage()
    for pattern, names in (
      (_MISSING, self.missing),
      (_RESHAPED, self.reshaped),
    ):
      match = pattern.match(message)
      if match:
        names.append(match.group('name'))
        return False
    return True


@contextlib.contextmanager
def summarized() -> Iterator[None]:
  """Sums up what the stock code restores, in place of its warnings.

  What starts fresh is named, but for masks, thresholds and optimizer slots.
  """
  loggers = [tf_logging.get_logger(), logging.getLogger()]
  collector = _Collector()
  for logger in loggers:
    logger.addFilter(collector)
  try:
    yield
  finally:
    for logger in loggers:
      logger.removeFilter(collector)
  restored = sum(map(bool, map(_stored_name, tf.global_variables())))
  if restored or collector.missing or collector.reshaped:
    tf.logging.info(_summary(restored, collector))


def check(checkpoint: str, may_be_partial: bool = False) -> None:
  """Checks that the model takes its kernels from the checkpoint it starts from.

  Kernels that the checkpoint has and the model does not take are said in the
  log: they are what the config's settings leave out, most often the heads.

  Args:
    checkpoint: prefix of the one that training starts from.
    may_be_partial: whether few restored kernels are meant, or none.

  Raises:
    InputError: less than half of the kernels are restored.
  """
  variables = [
    variable
    for variable in tf.trainable_variables()
    if kernels.kind_of(variable.op.name, variable.shape.rank)
  ]
  fresh = [v for v in variables if not _stored_name(v)]
  there = checkpoints.shapes(checkpoint)
  left_out = [
    variable.op.name
    for variable in fresh
    if there.get(variable.op.name) == tuple(variable.shape.as_list())
  ]
  ways = [
    'load_all_detection_checkpoint_vars: true in the train_config takes the '
    f'{len(left_out)} that it has besides ({_first(left_out)})'
  ]
  if not left_out:
    ways = ['check fine_tune_checkpoint and fine_tune_checkpoint_type']
  restored = len(variables) - len(fresh)
  if restored < _LEAST_SHARE * len(variables) and not may_be_partial:
    ways.append('--allow_partial_warm_start trains the others from scratch')
    raise errors.InputError(
      f'{checkpoint} gives this model {restored} of its {len(variables)} '
      f'kernels: {"; ".join(ways)}'
    )
  if left_out:
    tf.logging.warning(
      'Warm start leaves out %d kernels that the checkpoint has: they start '
      'fresh. %s.',
      len(left_out),
      ways[0],
    )


def restored_zeros(
  checkpoint: str,
  masked: Sequence[masking.MaskedKernel],
  takes_all: bool = False,
) -> Dict[str, int]:
  """Counts the zeros of the masks that a model takes from a checkpoint.

  Args:
    checkpoint: prefix of the one that training starts from; may be empty.
    masked: kernels of the model, which is built.
    takes_all: whether it takes all masks that are there, as rewinding does. If
      not, those that the stock code restores.

  Returns:
    Zeros by the name of the mask.
  """
  names = {}
  for kernel in masked:
    name = kernel.mask.op.name
    # In a classifier's checkpoint it has another name.
    stored = name if takes_all else _stored_name(kernel.mask)
    if stored:
      names[name] = stored
  if not checkpoint or not names:
    return {}
  reader = tf.train.load_checkpoint(checkpoint)
  return {
    name: int(np.sum(reader.get_tensor(stored) == 0))
    for name, stored in names.items()
    if reader.has_tensor(stored)
  }


def _stored_name(variable: tf.Variable) -> Optional[str]:
  """Name in the checkpoint that a variable begins with; None without one."""
  # What sets it is an op, or that op's tensor once it is taken from a file.
  assign = getattr(variable.initializer, 'op', variable.initializer)
  value = assign.inputs[-1]
  while value.op.type == 'Identity':
    value = value.op.inputs[0]
  if value.op.type != 'RestoreV2':
    return None
  return tf.get_static_value(value.op.inputs[1])[value.value_index].decode()


def _summary(restored: int, collector: _Collector) -> str:
  names = {variable.op.name for variable in tf.global_variables()}

  def is_kept(name: str) -> bool:
    return not kernels.is_pruning_variable(name, names)

  # Each run counts its own steps.
  missing = [n for n in collector.missing if n != tf.GraphKeys.GLOBAL_STEP]
  fresh = missing + collector.reshaped
  masks = [
    name for name in fresh if name.endswith('mask') and not is_kept(name)
  ]
  parts = [f'{restored} variables restored']
  for variables, words in (
    (collector.reshaped, 'of another shape start fresh'),
    (missing, 'that it does not have start fresh'),
  ):
    variables = list(filter(is_kept, variables))
    if variables:
      parts.append(f'{len(variables)} {words} ({_first(variables)})')
  if masks:
    parts.append(f'{len(masks)} masks start at one')
  return f'Warm start: {", ".join(parts)}.'


def _first(names: Sequence[str]) -> str:
  more = ', ...' if len(names) > _NAMED else ''
  return ', '.join(names[:_NAMED]) + more
