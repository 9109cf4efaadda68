"""A masked kernel in the form in which a layer takes a kernel."""

import functools
from typing import Callable

import tensorflow.compat.v1 as tf
from tensorflow.python.ops import variables

from object_detection_pruning.common import errors


class MaskedVariable(variables.PartitionedVariable):
  """Computes as the masked weights; is regularized and collected as the raw.

  A layer that is handed a plain tensor regularizes that tensor, and does so
  again each time it is reused. With a partitioned variable it computes with the
  whole, but regularizes and collects the parts, once. So this is one: its only
  part is the raw kernel, and its whole is the masked one.
  """

  def __init__(self, weights: tf.Variable, masked_weight: tf.Tensor):
    """Joins the two.

    Args:
      weights: the kernel.
      masked_weight: float tensor of the same shape.
    """
    # The parent's constructor asks for slice information, which would change
    # how the kernel is saved.
    self._variable_list = [weights]
    self._name = weights.op.name
    self._shape = weights.shape
    self._dtype = weights.dtype.base_dtype
    self._partitions = [1] * weights.shape.ndims
    self._masked_weight = masked_weight

  def as_tensor(self) -> tf.Tensor:
    """Gives the masked weights."""
    return self._masked_weight

  # A session fetches what this gives.
  _as_graph_element = as_tensor

  @property
  def op(self) -> tf.Operation:
    """The op that masks."""
    return self._masked_weight.op

  @property
  def graph(self) -> tf.Graph:
    """The graph of the kernel."""
    return self._masked_weight.graph

  def check_has_no_average(self) -> None:
    """Raises `InputError` where the raw kernel has a moving average.

    A custom getter that asks for it would hand it on without the mask.
    """
    (weights,) = self._variable_list
    averaged = self.graph.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)
    if any(variable is weights for variable in averaged):
      raise errors.InputError(
        f'kernel {self._name} is masked where its moving average is looked '
        'for: enter masking_scope inside the scope of that custom getter, or '
        'take masked_kernels()[i].weights'
      )


def _refusing(average: Callable) -> Callable:
  @functools.wraps(average)
  def average_of(self, var):
    if isinstance(var, MaskedVariable):
      var.check_has_no_average()
      return None
    return average(self, var)

  return average_of


# It would find none for what it does not know, and the caller take the raw
# kernel for its average.
tf.train.ExponentialMovingAverage.average = _refusing(
  tf.train.ExponentialMovingAverage.average
)


def _overload(operator: str) -> None:
  def compute(self, *others):
    return getattr(self.as_tensor(), operator)(*others)

  setattr(MaskedVariable, operator, compute)


for _operator in tf.Tensor.OVERLOADABLE_OPERATORS - {'__eq__', '__ne__'}:
  _overload(_operator)
