"""The op that updates masks, and what it is fed."""

import functools
from typing import List, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  criteria,
  gathering,
  granularity,
  lanes,
  lookups,
  masking,
)

_SCOPE = 'model_pruning'


class Pruner:
  """Updates and measures the masks of a graph. It makes no variables.

  Attributes:
    kernels: the masked kernels, in the order of their creation.
  """

  def __init__(
    self,
    kernels: Sequence[masking.MaskedKernel],
    criterion: criteria.WeightCriterion = None,
    pattern: granularity.Granularity = None,
  ):
    """Adds the update ops to the kernels' graph.

    Args:
      kernels: from `masking.masked_kernels`.
      criterion: which weights go first; those of least magnitude if None.
      pattern: which go together; none if None.

    Raises:
      InputError: there are no kernels, or one is looked up without its mask,
        or a criterion that gathers scores has none in this graph, or no
        gradients to gather them from.
    """
    if not kernels:
      raise errors.InputError(
        'no layer is masked: build the model under masking_scope, or name a '
        'masked feature extractor in the pipeline config'
      )
    lookups.check_masked(kernel.weights for kernel in kernels)
    self.kernels = list(kernels)
    self._criterion = criterion or criteria.Magnitude()
    self._pattern = pattern or granularity.Weight()
    with tf.name_scope(_SCOPE):
      self._zeros = tf.placeholder(tf.int32, [len(kernels)], name='zeros')
      self._scores = self._all_scores()
      self._update = self._update_all()
      self._zeros_now = tf.stack(
        [_count_zeros(kernel.mask) for kernel in kernels]
      )

  def zeros_for(self, sparsities: Sequence[float]) -> List[int]:
    """Gives the number of zeros of each kernel at a sparsity for each."""
    return [
      self._pattern.zeros_for(sparsity, kernel.view)
      for kernel, sparsity in zip(self.kernels, sparsities)
    ]

  def update(self, session: tf.Session, zeros: Sequence[int]) -> None:
    """Masks exactly the given number of weights in each kernel.

    Args:
      session: of the kernels' graph.
      zeros: for each kernel a number that the pattern can have.
    """
    session.run(self._update, {self._zeros: zeros})

  def scores(self, session: tf.Session) -> List[np.ndarray]:
    """Scores the weights of each kernel, float32 in its shape."""
    return session.run(self._scores)

  def measure(self, session: tf.Session) -> List[int]:
    """Counts the zeros in each mask."""
    return [int(count) for count in session.run(self._zeros_now)]

  def overall_sparsity(self, zeros: Sequence[int]) -> float:
    """Fraction of zeros over all masked kernels."""
    return float(np.sum(zeros)) / sum(kernel.size for kernel in self.kernels)

  def check_gathered(self, session: tf.Session) -> None:
    """Raises `InputError` if a criterion that gathers has gathered nothing."""
    if self._has_gathered is None or session.run(self._has_gathered):
      return
    raise errors.InputError(
      f'criterion {self._criterion} has gathered no scores yet, so it cannot '
      'choose: train before the first update (start_step)'
    )

  def _all_scores(self) -> List[tf.Tensor]:
    """Gives the scores of each kernel."""
    self._has_gathered = None
    if not isinstance(self._criterion, criteria.GatheredCriterion):
      return [
        self._criterion.scores(tf.convert_to_tensor(kernel.weights))
        for kernel in self.kernels
      ]
    found = gathering.scores(
      self._criterion, [kernel.weights for kernel in self.kernels]
    )
    # Asked for only to say early that there are none.
    gathering.gradients([kernel.masked_weight for kernel in self.kernels])
    self._has_gathered = tf.reduce_any(
      [tf.reduce_any(tf.not_equal(each, 0)) for each in found]
    )
    return [tf.convert_to_tensor(each) for each in found]

  def _update_all(self) -> tf.Operation:
    updates = lanes.chain(
      functools.partial(self._update_op, index)
      for index in range(len(self.kernels))
    )
    return tf.group(*updates, name='mask_update')

  def _update_op(self, index: int) -> tf.Operation:
    kernel = self.kernels[index]
    # On the mask's device but not colocated with it: some of these ops have no
    # GPU kernel, and would take the mask off the GPU with them.
    with tf.device(kernel.mask.device):
      if self._has_gathered is None:
        scores = self._criterion.scores(tf.convert_to_tensor(kernel.weights))
      else:
        scores = tf.identity(self._scores[index])
      mask, threshold = self._pattern.cut(
        tf.reshape(scores, kernel.view), self._zeros[index]
      )
      return tf.group(
        tf.assign(kernel.mask, tf.reshape(mask, kernel.shape)),
        tf.assign(kernel.threshold, threshold),
      )


def _count_zeros(mask: tf.Variable) -> tf.Tensor:
  with tf.device(mask.device):
    # Of zeros and ones; floats would not count all ones of a large kernel.
    ones = tf.reduce_sum(tf.cast(mask, tf.int32))
    return mask.shape.num_elements() - ones
