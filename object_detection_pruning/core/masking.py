"""Masks on kernels, by a custom getter on the variable scope.

Every kernel of a slim network is born in `tf.get_variable`. The getter of
`masking_scope` sees it there and hands `mask * weights` to the layer in its
place, so stock network code builds a masked network: regularizer (of the raw
weights), batch norm and activation stay as they are.

Variable, op and collection names are those of `tf.contrib.model_pruning`:
`<layer>/mask`, `<layer>/threshold` and the op `<layer>/masked_weight`, in the
collections `masks`, `thresholds`, `kernel` and `masked_weights`.
"""

import contextlib
import copy
import functools
from typing import (
  Any,
  Callable,
  Dict,
  Iterator,
  List,
  NamedTuple,
  Optional,
  Sequence,
  Union,
)

import tensorflow.compat.v1 as tf
from tensorflow.python.ops import variables

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  gathering,
  getter_arguments,
  kernels,
  layer_patterns,
  mask_rules,
  masked_variable,
  products,
)

MASKS = 'masks'
THRESHOLDS = 'thresholds'
KERNELS = 'kernel'
MASKED_WEIGHTS = 'masked_weights'

_STANDARD_COLLECTIONS = (
  tf.GraphKeys.GLOBAL_VARIABLES,
  tf.GraphKeys.LOCAL_VARIABLES,
  tf.GraphKeys.MODEL_VARIABLES,
)


class MaskedKernel(NamedTuple):
  """A kernel with its mask; all but the threshold have the kernel's shape."""

  layer: str
  weights: tf.Variable
  mask: tf.Variable
  threshold: tf.Variable
  masked_weight: tf.Tensor

  @property
  def size(self) -> int:
    """Number of weights."""
    return self.weights.shape.num_elements()

  @property
  def shape(self) -> List[int]:
    """Shape of the weights."""
    return self.weights.shape.as_list()

  @property
  def view(self) -> List[int]:
    """Shape in which patterns of masks see the weights."""
    return kernels.view(self.weights.op.name, self.shape)


@contextlib.contextmanager
def masking_scope(
  include: Sequence[str] = ('',),
  exclude: Sequence[str] = (),
  depthwise: bool = False,
  criterion: Optional[str] = None,
  gradients: bool = False,
  soft_until: Optional[int] = None,
) -> Iterator[None]:
  """Masks the kernels of all layers that are built in this context.

  Convolution, pointwise and fully connected kernels are masked; depthwise ones
  only on request. Scopes nest: a layer is masked if any of the active scopes
  includes it and none excludes it.

  Example:

  ```python
  with masking.masking_scope(exclude=['Logits']):
    net, end_points = inception_v2.inception_v2(images, num_classes=10)
  ```

  Args:
    include: regular expressions, looked for in the layer's name.
    exclude: regular expressions of layers to leave alone.
    depthwise: whether depthwise kernels are masked too.
    criterion: that of the pruning to come, in a network that is trained. One
      that gathers scores, such as 'movement', needs variables for them.
    gradients: whether the gradients of the masked kernels are noted, as
      regrowth by gradients needs them.
    soft_until: `end_step` of the pruning to come, in a network that is trained
      with regrowth 'soft': until then gradients pass the masks.

  Yields:
    Nothing.

  Raises:
    InputError: a pattern is no regular expression, or there is a text in place
      of a list of them, there is no such criterion or step, two scopes within
      each other have different ones, or a kernel to be masked is partitioned,
      or comes out of another custom getter as a tensor.
  """
  rule = mask_rules.MaskRule(
    layer_patterns.check('include', include),
    layer_patterns.check('exclude', exclude),
    depthwise,
    gathering.gathering(criterion, gradients, soft_until),
  )
  # Entering the scope anew would number the layers in it from the start again,
  # and names would differ from those of the stock network.
  scope = tf.get_variable_scope()
  getter = scope.custom_getter
  mask_rules.start(rule)
  scope.set_custom_getter(_masking_after(getter))
  try:
    yield
  finally:
    scope.set_custom_getter(getter)
    mask_rules.end(rule)


def masked(
  function: Callable = None,
  include: Sequence[str] = ('',),
  exclude: Sequence[str] = (),
  depthwise: bool = False,
) -> Callable:
  """Decorates a function that builds layers, so that it builds masked ones.

  An argument that is a variable scope, as slim's networks take it, would bring
  its own getter: the masking getter is put on it as well.

  Args:
    function: the builder; None where the decorator is called with arguments.
    include: see `masking_scope`.
    exclude: see `masking_scope`.
    depthwise: see `masking_scope`.

  Returns:
    The decorated function, or a decorator.
  """
  if function is None:
    return functools.partial(
      masked, include=include, exclude=exclude, depthwise=depthwise
    )

  @functools.wraps(function)
  def wrapper(*args, **kwargs):
    with masking_scope(include, exclude, depthwise):
      args = [_with_getter(arg) for arg in args]
      kwargs = {name: _with_getter(arg) for name, arg in kwargs.items()}
      return function(*args, **kwargs)

  return wrapper


def masked_kernels(graph: tf.Graph = None) -> List[MaskedKernel]:
  """Lists the masked kernels of a graph, in the order of their creation."""
  graph = graph or tf.get_default_graph()
  columns = [
    graph.get_collection(key)
    for key in (KERNELS, MASKS, THRESHOLDS, MASKED_WEIGHTS)
  ]
  return [
    MaskedKernel(kernels.layer_name(weights.op.name), weights, *rest)
    for weights, *rest in zip(*columns)
  ]


def _with_getter(value: Any) -> Any:
  if not isinstance(value, tf.VariableScope):
    return value
  scope = copy.copy(value)
  scope.set_custom_getter(_masking_after(value.custom_getter))
  return scope


def _masking_after(outer: Optional[Callable]) -> Callable:
  """Gives the masking getter on top of the one that a scope has already."""
  if outer is None:
    return _masking_getter

  def custom_getter(getter, *args, **kwargs):
    return _masking_getter(functools.partial(outer, getter), *args, **kwargs)

  return custom_getter


def _masking_getter(getter: Callable, name: str, *args, **kwargs) -> Any:
  kwargs = getter_arguments.by_name(args, kwargs)
  weights = getter(name, **kwargs)
  if isinstance(weights, variables.PartitionedVariable):
    # Under nested scopes the outer getter has returned the masked kernel.
    if not isinstance(weights, masked_variable.MaskedVariable):
      _refuse_partitioned(name, weights)
    return weights
  if isinstance(weights, tf.Tensor):
    _check_masked(name, weights)
    return weights
  # The class that reference and resource variables have in common, whereas
  # `tf.Variable` of TensorFlow 2 is that of reference variables alone.
  if not isinstance(weights, variables.Variable):
    return weights
  product = _product_again(name, weights)
  if product is None:
    if not mask_rules.selects(name, weights.shape.ndims, weights.graph):
      return weights
    product = _first_product(getter, name, weights, kwargs)
  return masked_variable.MaskedVariable(weights, product)


def _first_product(
  getter: Callable, name: str, weights: tf.Variable, kwargs: Dict[str, Any]
) -> tf.Tensor:
  """Makes the mask of a kernel, and keeps both and their product."""
  if kernels.kind_of(weights.op.name, weights.shape.ndims) is None:
    raise errors.InputError(
      f'kernel {name} has no mask, and comes as {weights.op.name}, which is no '
      'name of a kernel: free its own name in the graph, build the network '
      'without a custom getter that gives others first, or exclude the layer'
    )
  mask_name, threshold_name = kernels.mask_names(name)
  kwargs = dict(
    kwargs,
    trainable=False,
    regularizer=None,
    partitioner=None,
    constraint=None,
    collections=_without_own_collections(kwargs.get('collections')),
  )
  shape = weights.shape.as_list()
  kwargs['initializer'] = tf.ones_initializer()
  mask = getter(mask_name, **dict(kwargs, shape=shape))
  kwargs['initializer'] = tf.zeros_initializer()
  threshold = getter(threshold_name, **dict(kwargs, shape=[]))
  noted = mask_rules.noted()
  masked_weight = products.multiply(name, mask, weights, noted)
  if noted.criterion is not None:
    score_name = kernels.score_name(name, noted.criterion.form)
    # Strategies want to know, even where there is one replica.
    kwargs['aggregation'] = tf.VariableAggregation.SUM
    scores = getter(score_name, **dict(kwargs, shape=shape))
    gathering.note_scores(scores, masked_weight)
  for key, value in (
    (KERNELS, weights),
    (MASKS, mask),
    (THRESHOLDS, threshold),
    (MASKED_WEIGHTS, masked_weight),
  ):
    weights.graph.add_to_collection(key, value)
  return masked_weight


def _product_again(name: str, weights: tf.Variable) -> Optional[tf.Tensor]:
  """Gives mask * weights of a kernel that has a mask; None if it has none.

  The weights may also be a moving average of the kernel, as a custom getter
  puts it in the kernel's place: the product is not kept then.
  """
  for kernel in masked_kernels(weights.graph):
    if kernel.weights is weights:
      return products.again(name, kernel.mask, weights, kernel.masked_weight)
  if kernels.kind_of(weights.op.name, weights.shape.ndims) is not None:
    return None
  kernel = _kernel_called(name, weights)
  if kernel is None:
    return None
  return products.multiply(name, kernel.mask, weights, gathering.Gathering())


def _kernel_called(
  name: str, weights: Union[tf.Variable, tf.Tensor]
) -> Optional[MaskedKernel]:
  """Finds the masked kernel that a getter was asked for."""
  if kernels.kind_of(name, weights.shape.ndims) is None:
    return None
  mask_name, _ = kernels.mask_names(name)
  for kernel in masked_kernels(weights.graph):
    if kernel.mask.op.name == mask_name:
      return kernel
  return None


def _check_masked(name: str, weights: tf.Tensor) -> None:
  """Raises where another getter made a tensor of a kernel to be masked."""
  kernel = _kernel_called(name, weights)
  if kernel is not None:
    # Under nested scopes the outer getter may have masked it.
    is_raw = not products.has_mask(weights, kernel.mask)
  else:
    is_raw = mask_rules.selects(name, weights.shape.ndims, weights.graph)
  if is_raw:
    raise errors.InputError(
      f'kernel {name} comes out of another custom getter as a tensor: put '
      'masking_scope outside of it, or exclude its layer'
    )


def _without_own_collections(
  collections: Optional[Sequence[str]],
) -> Optional[List[str]]:
  # What a user collects weights for (a penalty, a histogram) is not for masks.
  if collections is None:
    return None
  return [key for key in collections if key in _STANDARD_COLLECTIONS]


def _refuse_partitioned(
  name: str, weights: variables.PartitionedVariable
) -> None:
  if mask_rules.selects(name, weights.shape.ndims, tf.get_default_graph()):
    raise errors.InputError(
      f'kernel {name} is partitioned, and a mask needs it in one piece: '
      'exclude its layer, or build it without a partitioner'
    )
