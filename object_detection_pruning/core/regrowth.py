"""Masks that move: weights are dropped, and as many others grow back.

The sparsity stays what it is, and training looks for the weights that are worth
keeping. `REGROWTHS` lists the ways.
"""

import math
from typing import Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checks
from object_detection_pruning.core import choices

DEFAULT_SHARE = 0.3


class Regrowth(choices.Choice):
  """A way to choose the weights that grow back.

  Those of smallest magnitude are dropped in exchange.

  Attributes:
    needs_gradients: whether it looks at the gradients of masked weights.
    share: of the weights that are kept, which is replaced at an update.
  """

  needs_gradients = False

  def __init__(self, share: float = DEFAULT_SHARE):
    """Checks the share, in (0, 1)."""
    self.share = checks.fraction('regrowth_share', share)

  def share_at(self, progress: float) -> float:
    """Gives the share that is replaced at a fraction of the window."""
    raise NotImplementedError

  def scores(
    self,
    shape: tf.TensorShape,
    seed: tf.Tensor,
    gradient: Optional[tf.Tensor],
  ) -> tf.Tensor:
    """Scores the weights of a kernel; of masked ones the greatest grow back.

    Args:
      shape: of the kernel.
      seed: int32 [2], another for each kernel and update.
      gradient: float32 tensor, of the loss by the masked kernel, where it is
        needed.

    Returns:
      float32 tensor of the shape, 0 or more.
    """
    raise NotImplementedError


class Set(Regrowth):
  """By chance, the same share at each update (SET, Mocanu et al. 2018)."""

  form = 'set'

  def share_at(self, progress: float) -> float:
    return self.share

  def scores(
    self,
    shape: tf.TensorShape,
    seed: tf.Tensor,
    gradient: Optional[tf.Tensor],
  ) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed)


class RigL(Regrowth):
  """By size of the gradient, a share that falls to 0 (RigL, Evci et al. 2020).

  The share falls as a cosine does: f(t) = share / 2 * (1 + cos(pi * t / T)).
  """

  form = 'rigl'
  needs_gradients = True

  def share_at(self, progress: float) -> float:
    return self.share / 2 * (1 + math.cos(math.pi * progress))

  def scores(
    self,
    shape: tf.TensorShape,
    seed: tf.Tensor,
    gradient: Optional[tf.Tensor],
  ) -> tf.Tensor:
    return tf.abs(gradient)


REGROWTHS = (Set, RigL)


def find(text: str, share: Optional[float] = None) -> Regrowth:
  """Gives the way that a text stands for.

  Args:
    text: one of the forms.
    share: see `Regrowth`; None for the default.

  Raises:
    InputError: it is none of them, or the share is out of range.
  """
  found = choices.find('regrowth', text, REGROWTHS)
  return found if share is None else type(found)(share)
