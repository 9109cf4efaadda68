"""What a kernel is, told from a variable's name; names of what is beside it.

slim and `tf.layers` call a kernel `weights` or `kernel`; a separable
convolution has `depthwise_weights` and `pointwise_weights` in one scope. Of
these two the pointwise kernel has the plain names `mask` and `threshold`, as
every other kernel has; those of the depthwise one begin with `depthwise_`.
"""

from typing import Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

DENSE = 'dense'
DEPTHWISE = 'depthwise'

_KINDS = {
  'weights': DENSE,
  'kernel': DENSE,
  'pointwise_weights': DENSE,
  'pointwise_kernel': DENSE,
  'depthwise_weights': DEPTHWISE,
  'depthwise_kernel': DEPTHWISE,
}
# Some weights of any kernel are zero, as those of a channel that never fires.
_MOST_ZEROS_OF_DENSE = 0.05
_MASK = 'mask'
_THRESHOLD = 'threshold'
_MASKED_WEIGHT = 'masked_weight'
_SCORE_PREFIX = 'pruning_score_'
_DEPTHWISE_PREFIX = 'depthwise_'


def kind_of(variable_name: str, rank: Optional[int]) -> Optional[str]:
  """Tells the kind of kernel that a variable is.

  Args:
    variable_name: full name of the variable, without `:0`.
    rank: number of its dimensions; a kernel has 2 or more.

  Returns:
    `DENSE` (convolution, pointwise, fully connected), `DEPTHWISE`, or None for
    what is no kernel.
  """
  if rank is None or rank < 2:
    return None
  return _KINDS.get(variable_name.rpartition('/')[2])


def view(variable_name: str, shape: Sequence[int]) -> List[int]:
  """Gives the shape [..., inputs, outputs] in which masks see a kernel.

  A depthwise one, [height, width, channels, multiplier], has one input for each
  output. It is [height * width, outputs]: positions stand where inputs do.
  """
  if len(shape) != 4 or kind_of(variable_name, len(shape)) != DEPTHWISE:
    return list(shape)
  height, width, channels, multiplier = shape
  return [height * width, channels * multiplier]


def kept_weights(kernel: np.ndarray) -> np.ndarray:
  """Tells which weights a pruned kernel has: bool, in its shape.

  A kernel with hardly any zeros, or with nothing else, was not pruned: all.
  """
  kept = kernel != 0
  is_pruned = _MOST_ZEROS_OF_DENSE < 1 - kept.mean() < 1
  return kept if is_pruned else np.ones(kernel.shape, bool)


def layer_name(variable_name: str) -> str:
  """Gives the name of the layer whose variable this is."""
  return variable_name.rpartition('/')[0]


def mask_names(kernel_name: str) -> Tuple[str, str]:
  """Gives the names of the mask and the threshold beside a kernel."""
  return _beside(kernel_name, _MASK), _beside(kernel_name, _THRESHOLD)


def score_name(kernel_name: str, criterion: str) -> str:
  """Gives the name of the scores that a criterion gathers beside a kernel."""
  return _beside(kernel_name, _SCORE_PREFIX + criterion)


def score_names(kernel_name: str, names: Iterable[str]) -> List[str]:
  """Gives those of the names that scores beside a kernel have."""
  prefix = _beside(kernel_name, _SCORE_PREFIX)
  return [name for name in names if name.startswith(prefix)]


def criterion_of_score(variable_name: str) -> str:
  """Gives the criterion whose scores a variable holds."""
  return variable_name.rpartition(_SCORE_PREFIX)[2]


def masked_weight_name(kernel_name: str) -> str:
  """Gives the name of the op that multiplies a kernel by its mask."""
  return _beside(kernel_name, _MASKED_WEIGHT)


def is_pruning_variable(variable_name: str, names: Iterable[str]) -> bool:
  """Tells whether a variable is there for the pruning of a kernel in `names`.

  This is its mask, its threshold, or scores that were gathered. A variable
  that is merely called `mask`, with no kernel beside it, is not.

  Args:
    variable_name: full name of the variable.
    names: a set of all variable names of its model.
  """
  scope, _, last = variable_name.rpartition('/')
  depthwise = last.startswith(_DEPTHWISE_PREFIX)
  if depthwise:
    last = last[len(_DEPTHWISE_PREFIX) :]
  if last not in (_MASK, _THRESHOLD) and not last.startswith(_SCORE_PREFIX):
    return False
  prefix = scope + '/' if scope else ''
  return any(
    prefix + name in names
    for name, kind in _KINDS.items()
    if (kind == DEPTHWISE) == depthwise
  )


def kernels_with_masks(shapes: Dict[str, Tuple[int, ...]]) -> Dict[str, str]:
  """Maps the name of each masked kernel to the name of its mask.

  Args:
    shapes: shape of every variable of a model, by name.
  """
  pairs = {}
  for name, shape in shapes.items():
    if kind_of(name, len(shape)) is None:
      continue
    mask, _ = mask_names(name)
    if mask in shapes:
      pairs[name] = mask
  return pairs


def all_kernels(graph: tf.Graph = None) -> List[tf.Variable]:
  """Lists every kernel variable of a graph, depthwise ones included."""
  graph = graph or tf.get_default_graph()
  return [
    variable
    for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    if kind_of(variable.op.name, variable.shape.ndims) is not None
  ]


def _beside(kernel_name: str, word: str) -> str:
  scope, _, last = kernel_name.rpartition('/')
  if _KINDS[last] == DEPTHWISE:
    word = _DEPTHWISE_PREFIX + word
  return f'{scope}/{word}' if scope else word
