"""A session hook that gives scalars of training the names of evaluation's."""

from typing import Dict

import tensorflow.compat.v1 as tf

_SCALAR = 'ScalarSummary'
_REGULARIZATION = 'regularization_loss'
_RATE = 'learning_rate'


class StockNamesHook(tf.train.SessionRunHook):
  """Writes losses and learning rate under the names that evaluation uses.

  An op's name can be taken only once, so stock training writes `loss_1`,
  `loss_2` and `learning_rate_1`, where evaluation writes `loss`,
  `Loss/total_loss` and `learning_rate`. With one name, TensorBoard shows them
  in one chart. The losses that the total is made of are written too.
  """

  def __init__(self, loss: tf.Tensor):
    """Keeps what to look at.

    Args:
      loss: float scalar, the total.
    """
    self._loss = loss

  def begin(self) -> None:
    graph = self._loss.graph
    wanted: Dict[str, tf.Tensor] = {'Loss/total_loss': self._loss}
    if self._loss.op.type == 'AddN':
      for part in self._loss.op.inputs:
        name = part.op.name
        wanted[
          f'Loss/{_REGULARIZATION}' if name == _REGULARIZATION else name
        ] = part
    wanted['loss'] = self._loss
    summaries = graph.get_collection_ref(tf.GraphKeys.SUMMARIES)
    for summary in list(summaries):
      if summary.op.type != _SCALAR:
        continue
      name, value = summary.op.name, summary.op.inputs[1]
      if _is_copy(name, 'loss'):
        # The same number, of another tensor where batch norm is updated first.
        summaries.remove(summary)
      elif _is_copy(name, _RATE):
        summaries.remove(summary)
        wanted[_RATE] = value
      elif name in wanted:
        del wanted[name]
    for tag, value in wanted.items():
      summaries.append(tf.raw_ops.ScalarSummary(tags=tag, values=value))


def _is_copy(name: str, wanted: str) -> bool:
  """Tells whether a name is another one with a number behind it."""
  stem, _, number = name.rpartition('_')
  return stem == wanted and number.isdigit()
