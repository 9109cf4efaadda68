"""Masks that gradients pass, so that masked weights go on learning.

The forward pass takes weight * mask. The gradient of that product goes to all
weights as it is, as in dynamic network surgery (Guo et al. 2016,
arXiv:1608.04493, equation 3) and in dynamic pruning with feedback (Lin et al.
2020, arXiv:2006.07253). A later update of the masks finds what masked weights
have learned meanwhile.

That ends with the last update: no weight comes back after it, so gradients
stop at the mask again. Else masked weights would drift for nothing, and count
where gradients are clipped by their norm. Whether it has ended follows from
the global step, so nothing is kept in a checkpoint.
"""

from typing import Optional, Sequence, Tuple

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

# Of a product that is soft and nothing else.
GRADIENT = 'ObjectDetectionPruningSoftMask'
# On the op of a soft product: the step of the last update.
_END = '_object_detection_pruning_soft_until'


def mark(product: tf.Tensor, end_step: int) -> None:
  """Notes on a product of mask and kernel that gradients pass the mask.

  Args:
    product: whose gradient calls `passed`.
    end_step: the step of the last mask update.
  """
  # pylint: disable=protected-access
  product.op._set_attr(_END, tf.AttrValue(i=end_step))


def end_of(product: tf.Tensor) -> Optional[int]:
  """Gives the `end_step` of a product; None if gradients stop at its mask."""
  try:
    return product.op.get_attr(_END)
  except ValueError:
    return None


def passed(product: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  """Gives what the gradient of a product is multiplied by, for the kernel.

  Args:
    product: of mask and kernel.
    mask: zeros and ones.

  Returns:
    Ones while the mask is soft, and the mask otherwise.

  Raises:
    InputError: the mask is soft, and the graph has no global step.
  """
  end_step = end_of(product)
  if end_step is None:
    return mask
  step = tf.train.get_global_step(product.graph)
  if step is None:
    raise errors.InputError(
      'masks that are soft until a step need a global step: make it before '
      'the optimizer'
    )
  # The masks of a step are set before its run, which then counts it.
  is_soft = tf.convert_to_tensor(step) < end_step - 1
  return tf.maximum(mask, tf.cast(is_soft, mask.dtype))


def check(products: Sequence[tf.Tensor], end_step: int) -> None:
  """Raises `InputError` for products that are not soft until a step.

  Args:
    products: masked kernels of a training.
    end_step: the step of the last mask update.
  """
  for product in products:
    found = end_of(product)
    if found is None:
      raise errors.InputError(
        f'the gradient of {product.op.name} stops at its mask, and regrowth '
        'soft needs it: build the network under '
        f'masking_scope(soft_until={end_step})'
      )
    if found != end_step:
      raise errors.InputError(
        f'soft_until of masking_scope must be end_step {end_step}, got {found}'
      )


@tf.RegisterGradient(GRADIENT)
def _gradient(op: tf.Operation, gradient: tf.Tensor) -> Tuple[None, tf.Tensor]:
  mask, _ = op.inputs
  gradient = tf.convert_to_tensor(gradient)
  return None, gradient * passed(op.outputs[0], mask)
