"""The op that drops weights and lets as many others grow back."""

import functools
from typing import List, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  gathering,
  lanes,
  masking,
  moving_averages,
  regrowth,
  thresholds,
)

_SCOPE = 'model_pruning'


class Rewirer:
  """Moves the masks of a graph. It makes no variables."""

  def __init__(
    self, kernels: Sequence[masking.MaskedKernel], way: regrowth.Exchange
  ):
    """Adds the op to the kernels' graph.

    Args:
      kernels: from `masking.masked_kernels`, at least one.
      way: chooses what grows back.

    Raises:
      InputError: gradients are needed, and the graph has none; or some of the
        kernels are not trained.
    """
    self._way = way
    self._sizes = [kernel.size for kernel in kernels]
    gradients: List[Optional[tf.Tensor]] = [None] * len(kernels)
    if way.needs_gradients:
      gradients = gathering.gradients([k.masked_weight for k in kernels])
    _check_trained(kernels, way)
    with tf.name_scope(_SCOPE):
      self._numbers = tf.placeholder(tf.int32, [len(kernels)], name='replaced')
      self._step = tf.placeholder(tf.int32, [], name='step')
      # All gradients are those of the old masks.
      with tf.control_dependencies([g for g in gradients if g is not None]):
        updates = lanes.chain(
          functools.partial(self._update_op, number, kernel, gradient)
          for number, (kernel, gradient) in enumerate(zip(kernels, gradients))
        )
      self._update = tf.group(*updates, name='mask_regrowth')

  def numbers(self, zeros: Sequence[int], progress: float) -> List[int]:
    """Gives how many weights of each kernel are replaced.

    Args:
      zeros: number of zeros in each mask.
      progress: fraction of the window that has passed.
    """
    share = self._way.share_at(progress)
    return [
      min(thresholds.zeros_for(share, size - count), count)
      for size, count in zip(self._sizes, zeros)
    ]

  def rewire(
    self, session: tf.Session, step: int, numbers: Sequence[int]
  ) -> None:
    """Replaces exactly the given number of weights in each kernel.

    What grows was masked before and starts at zero. Where gradients are needed
    this takes a batch of the training data.

    Args:
      session: of the kernels' graph.
      step: of the update; what chance decides follows from it.
      numbers: from `numbers`.
    """
    session.run(self._update, {self._numbers: numbers, self._step: step})

  def _update_op(
    self,
    index: int,
    kernel: masking.MaskedKernel,
    gradient: Optional[tf.Tensor],
  ) -> tf.Operation:
    number = self._numbers[index]
    # As in the pruner: on the device, but not colocated.
    with tf.device(kernel.mask.device):
      weights = tf.convert_to_tensor(kernel.weights)
      mask = tf.convert_to_tensor(kernel.mask)
      growth = self._way.scores(
        weights.shape, tf.stack([self._step, index]), gradient
      )
      # In one order: what may grow, the greatest score first, then what may go.
      # Floats that are not negative order as their bits.
      order = tf.where(
        mask > 0,
        tf.bitcast(tf.abs(weights), tf.int32),
        tf.bitwise.invert(tf.bitcast(growth, tf.int32)),
      )
      zeros = kernel.size - _count(mask)
      (not_grown, _), (stays, threshold) = thresholds.cuts(
        order, [number, zeros + number]
      )
      mask = tf.logical_or(stays, tf.logical_not(not_grown))
      # Nothing is changed before all that reads it is done.
      with tf.control_dependencies([mask, not_grown]):
        return tf.group(
          tf.assign(kernel.mask, tf.cast(mask, tf.float32)),
          # Where none goes, the last score is one of what may grow.
          tf.assign(kernel.threshold, tf.maximum(threshold, 0)),
          *[
            tf.assign(each, tf.where(not_grown, each, tf.zeros(kernel.shape)))
            for each in _weights(kernel)
          ],
        )


def _check_trained(
  kernels: Sequence[masking.MaskedKernel], way: regrowth.Exchange
) -> None:
  """Refuses frozen kernels among trained ones: what grows would stay zero."""
  # A graph in which none is trained is no training: masks alone are at stake.
  frozen = [k.layer for k in kernels if not _is_trained(k.weights)]
  if 0 < len(frozen) < len(kernels):
    raise errors.InputError(
      f'regrowth {way} needs layers that are trained, and {len(frozen)} are '
      f'not, {frozen[0]} for one: exclude them'
    )


def _is_trained(variable: tf.Variable) -> bool:
  # The handle of a resource variable, or the reference.
  handle = getattr(variable, 'handle', None)
  source = variable.op.outputs[0] if handle is None else handle
  return any('Apply' in consumer.type for consumer in source.consumers())


def _count(mask: tf.Tensor) -> tf.Tensor:
  """Counts ones, which a sum of floats does to 2^24 only."""
  of_outputs = tf.reduce_sum(mask, axis=list(range(mask.shape.ndims - 1)))
  return tf.reduce_sum(tf.cast(of_outputs, tf.int32))


def _weights(kernel: masking.MaskedKernel) -> List[tf.Variable]:
  """Gives the kernel and, where there is one, its moving average."""
  name = moving_averages.name_of(kernel.weights.op.name)
  variables = kernel.weights.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
  averages = [v for v in variables if v.op.name == name]
  return [kernel.weights] + averages
