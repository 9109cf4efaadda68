"""Ways in which masked weights grow back while a network is trained.

Masks either follow their schedule, and what they mask goes on learning; or they
move at a constant sparsity, where weights are dropped and as many others grow
back. `REGROWTHS` lists the ways.
"""

import math
from typing import Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import choices

DEFAULT_SHARE = 0.3


class Regrowth(choices.Choice):
  """A way in which masked weights grow back.

  Attributes:
    keeps_sparsity: whether the schedule must be constant.
    is_soft: whether gradients pass the masks, as `soft_masks` has it.
    needs_gradients: whether it looks at the gradients of masked weights.
  """

  keeps_sparsity = False
  is_soft = False
  needs_gradients = False

  def told(self) -> str:
    """Says in a sentence what becomes of masks that are planned."""
    raise NotImplementedError


class Soft(Regrowth):
  """Masked weights go on learning, and masks look anew (Lin et al. 2020).

  The gradient is that of the masked network, and goes to all weights. Each
  update takes what matters most, masked before or not.
  """

  form = 'soft'
  is_soft = True

  def told(self) -> str:
    return (
      f'Masked weights go on learning until the last update, and may come back '
      f'at each one ({self}).'
    )


class Exchange(Regrowth):
  """A way to choose the weights that grow back at a constant sparsity.

  Those of smallest magnitude are dropped in exchange.

  Attributes:
    share: of the weights that are kept, which is replaced at an update.
  """

  keeps_sparsity = True

  def __init__(self, share: float = DEFAULT_SHARE):
    """Checks the share, in (0, 1)."""
    self.share = checks.fraction('regrowth_share', share)

  def told(self) -> str:
    return (
      f'Masks move from then on: each update replaces up to {self.share:.4g} '
      f'of the weights that are kept ({self}).'
    )

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


class Set(Exchange):
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


class RigL(Exchange):
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


EXCHANGES = (Set, RigL)
REGROWTHS = (Soft,) + EXCHANGES


def keeps_sparsity(text: str) -> bool:
  """Tells whether a text stands for an exchange; it may stand for nothing."""
  return text in choices.forms(EXCHANGES)


def find(text: str, share: Optional[float] = None) -> Regrowth:
  """Gives the way that a text stands for.

  Args:
    text: one of the forms.
    share: see `Exchange`; None for the default.

  Raises:
    InputError: it is none of them, or the share is out of range or has no
      meaning with it.
  """
  found = choices.find('regrowth', text, REGROWTHS)
  if share is None:
    return found
  if not isinstance(found, Exchange):
    raise errors.InputError(
      f'regrowth_share has no meaning with regrowth {found}, got {share}'
    )
  return type(found)(share)
