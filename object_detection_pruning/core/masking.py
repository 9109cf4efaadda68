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
import threading
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf
from tensorflow.python.ops import variables

from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  gathering,
  kernels,
  layer_patterns,
  masked_variable,
)

MASKS = 'masks'
THRESHOLDS = 'thresholds'
KERNELS = 'kernel'
MASKED_WEIGHTS = 'masked_weights'
# Names of the layers that a rule was asked about, masked or not.
CANDIDATES = 'object_detection_pruning/mask_candidates'
# Patterns of all scopes that there were.
_INCLUDE = 'object_detection_pruning/mask_include'
_EXCLUDE = 'object_detection_pruning/mask_exclude'

_STANDARD_COLLECTIONS = (
  tf.GraphKeys.GLOBAL_VARIABLES,
  tf.GraphKeys.LOCAL_VARIABLES,
  tf.GraphKeys.MODEL_VARIABLES,
)
_active = threading.local()


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


class MaskRule(NamedTuple):
  """Which layers get a mask.

  Attributes:
    include: regular expressions; a layer is masked if one is found in its
      name. None at all masks nothing.
    exclude: regular expressions; a layer in whose name one is found is not
      masked, whatever includes it.
    depthwise: whether depthwise kernels are masked too.
    noted: what their training notes.
  """

  include: Sequence[str] = ('',)
  exclude: Sequence[str] = ()
  depthwise: bool = False
  noted: gathering.Gathering = gathering.Gathering()


@contextlib.contextmanager
def masking_scope(
  include: Sequence[str] = ('',),
  exclude: Sequence[str] = (),
  depthwise: bool = False,
  criterion: Optional[str] = None,
  gradients: bool = False,
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

  Yields:
    Nothing.

  Raises:
    InputError: a pattern is no regular expression, or there is a text in place
      of a list of them, there is no such criterion, two scopes gather for
      different ones, or a kernel to be masked is partitioned.
  """
  rule = MaskRule(
    layer_patterns.check('include', include),
    layer_patterns.check('exclude', exclude),
    depthwise,
    gathering.gathering(criterion, gradients),
  )
  tf.get_collection_ref(_INCLUDE).extend(rule.include)
  tf.get_collection_ref(_EXCLUDE).extend(rule.exclude)
  rules = _active_rules()
  # Entering the scope anew would number the layers in it from the start again,
  # and names would differ from those of the stock network.
  scope = tf.get_variable_scope()
  getter = scope.custom_getter
  rules.append(rule)
  scope.set_custom_getter(_masking_after(getter))
  try:
    yield
  finally:
    scope.set_custom_getter(getter)
    rules.remove(rule)


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


def candidate_layers(graph: tf.Graph = None) -> List[str]:
  """Lists the layers whose kernels were seen, masked or not."""
  graph = graph or tf.get_default_graph()
  return list(graph.get_collection(CANDIDATES))


def check_patterns(graph: tf.Graph = None) -> None:
  """Raises `InputError` for a scope's pattern that is found in no layer."""
  graph = graph or tf.get_default_graph()
  layers = candidate_layers(graph)
  if layers:
    layer_patterns.check_each_found(
      graph.get_collection(_INCLUDE), graph.get_collection(_EXCLUDE), layers
    )


def _active_rules() -> List[MaskRule]:
  if not hasattr(_active, 'rules'):
    _active.rules = []
  return _active.rules


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
  weights = getter(name, *args, **kwargs)
  if isinstance(weights, variables.PartitionedVariable):
    # Under nested scopes the outer getter has returned the masked kernel.
    if not isinstance(weights, masked_variable.MaskedVariable):
      _refuse_partitioned(name, weights)
    return weights
  # The class that reference and resource variables have in common, whereas
  # `tf.Variable` of TensorFlow 2 is that of reference variables alone.
  if not isinstance(weights, variables.Variable):
    return weights
  for kernel in masked_kernels(weights.graph):
    if kernel.weights is weights:
      return masked_variable.MaskedVariable(weights, _reused(kernel))
  if not _selects(name, weights.shape.ndims, weights.graph):
    return weights
  mask_name, threshold_name = kernels.mask_names(name)
  kwargs.update(
    trainable=False,
    regularizer=None,
    partitioner=None,
    constraint=None,
    collections=_without_own_collections(kwargs.get('collections')),
  )
  kwargs['initializer'] = tf.ones_initializer()
  kwargs['shape'] = weights.shape.as_list()
  mask = getter(mask_name, *args, **kwargs)
  kwargs['initializer'] = tf.zeros_initializer()
  kwargs['shape'] = []
  threshold = getter(threshold_name, *args, **kwargs)
  noted = gathering.joined([rule.noted for rule in _active_rules()])
  masked_weight = _multiply(mask, weights, noted)
  if noted.criterion is not None:
    kwargs['shape'] = weights.shape.as_list()
    score_name = kernels.score_name(name, noted.criterion.form)
    scores = getter(score_name, *args, **kwargs)
    gathering.note_scores(scores, masked_weight)
  for key, value in (
    (KERNELS, weights),
    (MASKS, mask),
    (THRESHOLDS, threshold),
    (MASKED_WEIGHTS, masked_weight),
  ):
    weights.graph.add_to_collection(key, value)
  return masked_variable.MaskedVariable(weights, masked_weight)


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
  if _selects(name, weights.shape.ndims, tf.get_default_graph()):
    raise errors.InputError(
      f'kernel {name} is partitioned, and a mask needs it in one piece: '
      'exclude its layer, or build it without a partitioner'
    )


def _selects(name: str, rank: int, graph: tf.Graph) -> bool:
  kind = kernels.kind_of(name, rank)
  if kind is None:
    return False
  layer = kernels.layer_name(name)
  rules = _active_rules()
  if layer not in candidate_layers(graph):
    graph.add_to_collection(CANDIDATES, layer)
  if kind == kernels.DEPTHWISE and not any(rule.depthwise for rule in rules):
    return False
  included = any(layer_patterns.found(rule.include, layer) for rule in rules)
  excluded = any(layer_patterns.found(rule.exclude, layer) for rule in rules)
  return included and not excluded


def _reused(kernel: MaskedKernel) -> tf.Tensor:
  """Gives the masked weight again; inside a loop it must be made anew."""
  graph = kernel.weights.graph
  # pylint: disable=protected-access
  made_in = kernel.masked_weight.op._get_control_flow_context()
  if graph._get_control_flow_context() is made_in:
    return kernel.masked_weight
  if gathering.notes_gradients(kernel.masked_weight):
    raise errors.InputError(
      f'kernel {kernel.weights.op.name} is used in a loop or a condition, '
      'where its gradient cannot be noted: exclude its layer, or take a '
      'criterion and a regrowth that need no gradients'
    )
  return _multiply(kernel.mask, kernel.weights, gathering.Gathering())


def _multiply(
  mask: tf.Variable, weights: tf.Variable, noted: gathering.Gathering
) -> tf.Tensor:
  name = kernels.masked_weight_name(weights.op.name)
  scope, _, op_name = name.rpartition('/')
  # A trailing slash enters the layer's scope itself, not a numbered copy.
  with tf.name_scope(scope + '/' if scope else None):
    return gathering.multiply(mask, weights, op_name, noted)
