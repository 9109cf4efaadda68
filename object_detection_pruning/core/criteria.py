"""Pruning criteria: how much something matters.

A criterion scores weights (those of masks, here) or channels (in the room
`channels`); what scores least goes first. `CRITERIA` lists those of weights.
"""

from typing import FrozenSet, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import choices

# What a criterion may need beside the weights themselves.
GRADIENTS = 'gradients'
TRAINING_DATA = 'training data'
BATCH_NORM = 'a batch-norm scale'
PHOTOS = 'photos'
_RANDOM_SEED = 1


class Criterion(choices.Choice):
  """A way to tell how much something matters.

  Attributes:
    needs: what it needs beside the weights.
    is_repeatable: whether the same weights always give the same scores.
  """

  needs: FrozenSet[str] = frozenset()
  is_repeatable = True

  def check_has(self, field: str, given: Sequence[str]) -> None:
    """Checks that what the criterion needs is there.

    Args:
      field: the name of the field or flag, for the message.
      given: what there is.

    Raises:
      InputError: something is missing.
    """
    missing = sorted(self.needs.difference(given))
    if missing:
      raise errors.InputError(
        f'{field} {self} needs {" and ".join(missing)}, which is not there'
      )


class WeightCriterion(Criterion):
  """A way to tell how much each weight of a kernel matters."""

  def scores(self, weights: tf.Tensor) -> tf.Tensor:
    """Scores the weights of a kernel.

    Args:
      weights: float32 tensor.

    Returns:
      float32 tensor of the same shape.
    """
    raise NotImplementedError


class GatheredCriterion(WeightCriterion):
  """A way whose scores are summed up over the steps of a training.

  The scores are variables beside the kernels, in the checkpoints of training
  alone; `gathering` makes them and adds to them at each step.
  """

  needs = frozenset({GRADIENTS})
  is_repeatable = False

  def scores(self, weights: tf.Tensor) -> tf.Tensor:
    raise NotImplementedError('scores are gathered, not told from weights')

  def step_scores(self, weights: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Gives what one step adds to the scores of a kernel.

    Args:
      weights: float32 tensor, the kernel before the step.
      gradient: float32 tensor in the same shape, of the loss by the masked
        kernel: also where the mask is zero, and without the regularizer.

    Returns:
      float32 tensor of the same shape.
    """
    raise NotImplementedError


class Magnitude(WeightCriterion):
  """The absolute value of the weight (Han et al. 2015)."""

  form = 'magnitude'

  def scores(self, weights: tf.Tensor) -> tf.Tensor:
    return tf.abs(weights)


class Random(WeightCriterion):
  """By chance, the control for other criteria."""

  form = 'random'

  def scores(self, weights: tf.Tensor) -> tf.Tensor:
    # The same at every update, or masks would never settle.
    seed = [_RANDOM_SEED, weights.shape.num_elements()]
    return tf.random.stateless_uniform(weights.shape, seed)


class Taylor(GatheredCriterion):
  """|weight * gradient|, summed over the steps (Molchanov et al. 2019)."""

  form = 'taylor'

  def step_scores(self, weights: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    return tf.abs(weights * gradient)


class Movement(GatheredCriterion):
  """-weight * gradient, summed over the steps (Sanh et al. 2020)."""

  form = 'movement'

  def step_scores(self, weights: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    # Below zero where training moves a weight towards zero.
    return -weights * gradient


CRITERIA = (Magnitude, Random, Taylor, Movement)


def find(text: str) -> WeightCriterion:
  """Gives the criterion of weights that a text stands for, or raises."""
  return choices.find('criterion', text, CRITERIA)
