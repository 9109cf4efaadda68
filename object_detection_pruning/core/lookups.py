"""Kernels whose rows are looked up past their masks.

What TensorFlow does for partitioned tables (`tf.nn.embedding_lookup` and what
stands on it) unpacks a masked kernel and takes the rows of its only part, the
raw kernel. A lookup that nothing is learned through, as for a summary, does no
harm.
"""

from typing import Iterable

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors

_LOOKS_UP = ('Gather', 'ResourceGather', 'SparseSegment')
# Ops whose output has the weights that go in.
_PASSES = (
  'Cast',
  'Enter',
  'Identity',
  'ReadVariableOp',
  'RefEnter',
  'RefIdentity',
  'RefSwitch',
  'Switch',
)


def check_masked(weights: Iterable[tf.Variable]) -> None:
  """Raises `InputError` for a kernel that is looked up without its mask.

  Args:
    weights: kernels that have masks, without them, in the graph of a training.
  """
  for kernel in weights:
    # What a distributed variable calls its op has only a name.
    op = kernel.graph.get_operation_by_name(kernel.op.name)
    if _is_looked_up(op.outputs[0]):
      raise errors.InputError(
        f'kernel {kernel.op.name} is looked up without its mask: take rows of '
        'what tf.get_variable gives by tf.gather, or exclude its layer'
      )


def _has_gradient(op: tf.Operation) -> bool:
  # TensorFlow builds the gradient of an op in a scope of its name.
  scope = f'/{op.name}_grad/'
  return any(scope in '/' + each.name for each in op.graph.get_operations())


def _is_looked_up(table: tf.Tensor) -> bool:
  pending = [table]
  seen = set()
  while pending:
    for op in pending.pop().consumers():
      if op.type.startswith(_LOOKS_UP) and _has_gradient(op):
        return True
      if op.type in _PASSES and op.name not in seen:
        seen.add(op.name)
        pending.extend(op.outputs)
  return False
