"""Products of masks and kernels, and where in a graph each can be used."""

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import gathering, kernels, soft_masks


def multiply(
  name: str, mask: tf.Variable, weights: tf.Variable, noted: gathering.Gathering
) -> tf.Tensor:
  """Masks a kernel.

  Args:
    name: of the kernel, which the product is named after. It may differ from
      that of the variable, which may be one replica's or a moving average.
    mask: zeros and ones.
    weights: of the mask's shape.
    noted: what a training notes of the product.
  """
  scope, _, op_name = kernels.masked_weight_name(name).rpartition('/')
  # A trailing slash enters the layer's scope itself, not a numbered copy.
  with tf.name_scope(scope + '/' if scope else None):
    return gathering.multiply(mask, weights, op_name, noted)


def again(
  name: str, mask: tf.Variable, weights: tf.Variable, product: tf.Tensor
) -> tf.Tensor:
  """Gives a product for another use of its kernel.

  It is the same one, but inside a loop, or in another replica, it must be made
  anew.

  Args:
    name: of the kernel.
    mask: see `multiply`.
    weights: see `multiply`.
    product: of the first use.

  Raises:
    InputError: it must be made anew, and its gradient is noted.
  """
  if _is_usable_here(product):
    return product
  if gathering.notes_gradients(product):
    raise errors.InputError(
      f'kernel {name} is used in a loop or a condition, or in a second '
      'replica, where its gradient cannot be noted: exclude its layer, or take '
      'a criterion and a regrowth that need no gradients'
    )
  noted = gathering.Gathering(soft_until=soft_masks.end_of(product))
  return multiply(name, mask, weights, noted)


def has_mask(tensor: tf.Tensor, mask: tf.Variable) -> bool:
  """Tells whether a tensor is computed from a mask."""
  pending = [tensor.op]
  seen = set()
  while pending:
    op = pending.pop()
    if op.name == mask.op.name:
      return True
    if op not in seen:
      seen.add(op)
      pending.extend(source.op for source in op.inputs)
  return False


def _is_usable_here(product: tf.Tensor) -> bool:
  # pylint: disable=protected-access
  made_in = product.op._get_control_flow_context()
  return (
    product.graph._get_control_flow_context() is made_in and _is_first_replica()
  )


def _is_first_replica() -> bool:
  """Tells whether this is where a strategy makes all that there is once."""
  # Asked without a strategy, TensorFlow 1 would make an op for the number.
  if not tf.distribute.has_strategy():
    return True
  context = tf.distribute.get_replica_context()
  if context is None:
    return True
  number = context.replica_id_in_sync_group
  if isinstance(number, tf.Tensor):
    number = tf.get_static_value(number)
  return number == 0
