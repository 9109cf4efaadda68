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
      float32 tensor of the same shape, 0 or more.
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


CRITERIA = (Magnitude, Random)


def find(text: str) -> WeightCriterion:
  """Gives the criterion of weights that a text stands for, or raises."""
  return choices.find('criterion', text, CRITERIA)
