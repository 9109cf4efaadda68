"""Gradients of masked kernels, and scores that are gathered from them.

What trains a masked network has the gradient of each masked kernel at hand, in
full: the mask comes after it. With a gradient of its own for the product of
mask and kernel it is noted there, at no cost, and where a criterion gathers
scores they are added up before an optimizer changes the kernel.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import criteria, kernels, soft_masks

# Lists side by side: scores, and the masked kernels that they are of.
SCORES = 'object_detection_pruning/scores'
_SCORED = 'object_detection_pruning/scored'
# Lists side by side: masked kernels, and their gradients.
_PRODUCTS = 'object_detection_pruning/gathered_products'
_GRADIENTS = 'object_detection_pruning/gathered_gradients'
_GRADIENT_OF_PRODUCT = 'ObjectDetectionPruningMaskedWeight'
# The step before the first update must have been trained.
_FIRST_STEP = 2


class Gathering(NamedTuple):
  """What a masked network does with gradients while it trains.

  Attributes:
    gradients: whether the gradients of masked kernels are noted.
    criterion: gathers scores from them; None for none.
    soft_until: step of the last mask update, before which gradients pass the
      masks; None where they never do.
  """

  gradients: bool = False
  criterion: Optional[criteria.GatheredCriterion] = None
  soft_until: Optional[int] = None


def gathering(
  criterion: Optional[str],
  gradients: bool = False,
  soft_until: Optional[int] = None,
) -> Gathering:
  """Gives what is noted for a criterion, which may be one that needs nothing.

  Args:
    criterion: one of `criteria.CRITERIA`, or None.
    gradients: whether gradients are noted in any case.
    soft_until: see `Gathering`.

  Raises:
    InputError: there is no such criterion or step.
  """
  if soft_until is not None:
    soft_until = checks.step('soft_until', soft_until)
  found = None if criterion is None else criteria.find(criterion)
  if not isinstance(found, criteria.GatheredCriterion):
    return Gathering(gradients, soft_until=soft_until)
  return Gathering(True, found, soft_until)


def joined(noted: Sequence[Gathering]) -> Gathering:
  """Gives what is noted under several scopes.

  Raises:
    InputError: they gather for different criteria, or are soft until different
      steps.
  """
  found = {each.criterion for each in noted if each.criterion is not None}
  if len(found) > 1:
    raise errors.InputError(
      'masking scopes within each other must gather for one criterion, got '
      + ' and '.join(sorted(map(str, found)))
    )
  ends = {each.soft_until for each in noted if each.soft_until is not None}
  if len(ends) > 1:
    raise errors.InputError(
      'masking scopes within each other must have one soft_until, got '
      + ' and '.join(map(str, sorted(ends)))
    )
  return Gathering(
    any(each.gradients for each in noted),
    found.pop() if found else None,
    ends.pop() if ends else None,
  )


def multiply(
  mask: tf.Variable, weights: tf.Variable, name: str, noted: Gathering
) -> tf.Tensor:
  """Masks a kernel so that its gradient is noted or passes, as is wanted."""
  if not noted.gradients and noted.soft_until is None:
    return tf.multiply(mask, weights, name=name)
  kind = _GRADIENT_OF_PRODUCT if noted.gradients else soft_masks.GRADIENT
  with weights.graph.gradient_override_map({'Mul': kind}):
    product = tf.multiply(mask, weights, name=name)
  if noted.soft_until is not None:
    soft_masks.mark(product, noted.soft_until)
  return product


def note_scores(variable: tf.Variable, masked_weight: tf.Tensor) -> None:
  """Lets a training gather the scores of a masked kernel in a variable."""
  graph = masked_weight.graph
  graph.add_to_collection(SCORES, variable)
  graph.add_to_collection(_SCORED, masked_weight)


def notes_gradients(masked_weight: tf.Tensor) -> bool:
  """Tells whether the gradient of a masked kernel is noted."""
  try:
    kind = masked_weight.op.get_attr('_gradient_op_type')
  except ValueError:
    return False
  return kind == _GRADIENT_OF_PRODUCT.encode()


def gradients(masked_weights: Sequence[tf.Tensor]) -> List[tf.Tensor]:
  """Gives the gradient of each masked kernel, as a step computes it.

  Raises:
    InputError: there are none, or some kernels have none.
  """
  graph = masked_weights[0].graph
  found: Dict[str, List[tf.Tensor]] = {}
  for product, gradient in zip(
    graph.get_collection(_PRODUCTS), graph.get_collection(_GRADIENTS)
  ):
    # A program may take gradients of several losses.
    found.setdefault(product.op.name, []).append(gradient)
  missing = [each for each in masked_weights if each.op.name not in found]
  if missing:
    raise errors.InputError(_why_missing(missing, len(masked_weights)))
  return [tf.add_n(found[each.op.name]) for each in masked_weights]


def scores(
  criterion: criteria.GatheredCriterion, weights: Sequence[tf.Variable]
) -> List[tf.Variable]:
  """Gives the scores that were gathered for kernels.

  Raises:
    InputError: the network was built without them.
  """
  found = {
    variable.op.name: variable
    for variable in weights[0].graph.get_collection(SCORES)
  }
  names = [kernels.score_name(w.op.name, criterion.form) for w in weights]
  missing = [name for name in names if name not in found]
  if missing:
    raise errors.InputError(
      f'criterion {criterion} gathers scores while training, and '
      f'{len(missing)} of {len(names)} kernels have none, {missing[0]} for '
      'one: build the network under '
      f'masking_scope(criterion={criterion.form!r})'
    )
  return [found[name] for name in names]


def check_start(field: str, criterion: criteria.Criterion, step: int) -> None:
  """Checks that something is gathered before the first update, or raises."""
  gathers = isinstance(criterion, criteria.GatheredCriterion)
  if gathers and step < _FIRST_STEP:
    raise errors.InputError(
      f'{field} must be {_FIRST_STEP} or more with criterion {criterion}, '
      f'whose scores are gathered in the steps before it, got {step}'
    )


@tf.RegisterGradient(_GRADIENT_OF_PRODUCT)
def _gradient_of_product(
  op: tf.Operation, gradient: tf.Tensor
) -> Tuple[None, tf.Tensor]:
  mask, weights = op.inputs
  product = op.outputs[0]
  gradient = tf.convert_to_tensor(gradient)
  op.graph.add_to_collection(_PRODUCTS, product)
  op.graph.add_to_collection(_GRADIENTS, gradient)
  additions = [
    _addition(variable, weights, gradient)
    for variable, scored in zip(
      op.graph.get_collection(SCORES), op.graph.get_collection(_SCORED)
    )
    if scored is product
  ]
  # An optimizer must not change the weights before they are scored.
  with tf.control_dependencies(additions):
    return None, gradient * soft_masks.passed(product, mask)


def _addition(
  variable: tf.Variable, weights: tf.Tensor, gradient: tf.Tensor
) -> tf.Operation:
  criterion = criteria.find(kernels.criterion_of_score(variable.op.name))
  with tf.device(variable.device):
    added = criterion.step_scores(weights, gradient)
    return tf.group(tf.assign_add(variable, added, use_locking=True))


def _why_missing(missing: Sequence[tf.Tensor], number: int) -> str:
  """Says why masked kernels have no gradient."""
  if not notes_gradients(missing[0]):
    return (
      f'the gradient of {missing[0].op.name} is needed and not noted: build '
      'the network under masking_scope(gradients=True)'
    )
  if len(missing) == number:
    return (
      'gradients of the masked kernels are needed, and nothing in this graph '
      'takes any: make the train op of an optimizer before the session'
    )
  return (
    f'gradients of the masked kernels are needed, and {len(missing)} of '
    f'{number} have none, {missing[0].op.name} for one: nothing trains them, '
    'so exclude their layers'
  )
