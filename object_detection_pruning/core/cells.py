"""Which layers a cell of NASNet or PNASNet has: those of the dense network.

A cell adds a layer wherever what it is given is not as deep as its own layers.
In a narrow network these depths differ from the code's, and may be equal by
accident.
"""

import contextlib
import functools
from typing import Callable, Dict, Iterator, Optional

import tensorflow.compat.v1 as tf
from nets.nasnet import nasnet_utils

from object_detection_pruning.core import dense_depths

_CELL = nasnet_utils.NasNetABaseCell
# Each asks for the depth of its first argument, or of its elements in turn.
_ASKING = (
  '_reduce_prev_layer',
  '_apply_conv_operation',
  '_combine_unused_states',
)


@contextlib.contextmanager
def as_in_dense(dense: Dict[str, int]) -> Iterator[None]:
  """Makes cells that are built in this context decide by dense depths.

  Args:
    dense: widths of all layers in the network as the code makes it, by name.
  """
  at_hand = _AtHand()
  wrappers = [(_CELL, name, at_hand.taken_by) for name in _ASKING]
  wrappers.append(
    (
      nasnet_utils,
      'get_channel_dim',
      lambda original: at_hand.asked_in_place_of(original, dense),
    )
  )
  with contextlib.ExitStack() as stack:
    for owner, name, wrap in wrappers:
      original = getattr(owner, name)
      setattr(owner, name, wrap(original))
      stack.callback(setattr, owner, name, original)
    yield


class _AtHand:
  """The tensor whose depth a cell asks for, if it asks now.

  It asks with the tensor's shape, which does not say where it comes from.
  """

  def __init__(self):
    self.tensor: Optional[tf.Tensor] = None

  def taken_by(self, method: Callable) -> Callable:
    """Wraps a method of a cell that asks for depths."""

    @functools.wraps(method)
    def wrapped(cell, given, *args, **kwargs):
      self.tensor = given
      if isinstance(given, list):
        given = _Watched(given)
        given.at_hand = self
      try:
        return method(cell, given, *args, **kwargs)
      finally:
        self.tensor = None

    return wrapped

  def asked_in_place_of(
    self, function: Callable, dense: Dict[str, int]
  ) -> Callable:
    """Wraps the function that a cell asks."""

    # With the attributes by which slim knows it in its scopes of arguments.
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
      if self.tensor is None:
        return function(*args, **kwargs)
      return dense_depths.of(self.tensor, dense)

    return wrapped


class _Watched(list):
  """A list whose last read element is the one at hand."""

  at_hand: _AtHand

  def __getitem__(self, index):
    self.at_hand.tensor = super().__getitem__(index)
    return self.at_hand.tensor
