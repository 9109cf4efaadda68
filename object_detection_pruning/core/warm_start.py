"""One line on what a checkpoint gave a model, in place of one per variable."""

import contextlib
import logging
import re
from typing import Iterator, List

import tensorflow as tf
from tensorflow.python.platform import tf_logging

from object_detection_pruning.core import kernels

# How the stock OD API reports a variable that a checkpoint does not have.
_MISSING = re.compile(r'Variable \[(?P<name>\S+)\] is not available')


class _Collector(logging.Filter):
  def __init__(self):
    super().__init__()
    self.missing: List[str] = []

  def filter(self, record: logging.LogRecord) -> bool:
    match = _MISSING.search(record.getMessage())
    if match is None:
      return True
    self.missing.append(match.group('name'))
    return False


@contextlib.contextmanager
def summarized() -> Iterator[None]:
  """Sums up the stock warnings on variables that a checkpoint does not have.

  Variables of the model that the checkpoint lacks are named only if they are
  not masks, thresholds or optimizer slots; an incompatible shape is reported
  by the stock code as before.
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
  if collector.missing:
    tf.logging.info(_summary(collector.missing))


def _summary(missing: List[str]) -> str:
  names = {variable.op.name for variable in tf.global_variables()}
  masks = [name for name in missing if kernels.is_pruning_variable(name, names)]
  others = [name for name in missing if name not in masks]
  line = (
    'Warm start: every variable that the checkpoint has is restored; '
    f'{len(masks)} masks and thresholds start fresh (nothing pruned)'
  )
  if others:
    line += f'; {len(others)} others are new: {", ".join(others[:3])}'
    if len(others) > 3:
      line += ', ...'
  return line + '.'
