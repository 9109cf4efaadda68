"""Where a graph can be cut so that what lies before a layer is run only once.

A tensor of the frontier follows from the input, does not depend on the layer's
variables, and is read by what does. Fed with its values, the graph gives the
same results whatever the layer's weights are.
"""

from typing import Dict, Iterable, List, Sequence, Set

import tensorflow.compat.v1 as tf

# How much deeper in loops the output of an op is than its inputs.
_DEPTHS = {'Enter': 1, 'RefEnter': 1, 'Exit': -1, 'RefExit': -1}


def find(
  inputs: Sequence[tf.Tensor],
  variables: Sequence[tf.Variable],
  outputs: Sequence[tf.Tensor],
) -> List[tf.Tensor]:
  """Finds the tensors to feed instead of the inputs.

  Args:
    inputs: placeholders.
    variables: those whose values change.
    outputs: what is computed.

  Returns:
    The tensors, by name. They are the inputs themselves where the layer is the
    first one, and inputs are among them where an op waits for what needs them.
  """
  needed = _ancestors([tensor.op for tensor in outputs])
  looped = _in_loops(needed)
  moving = descendants([tensor.op for tensor in inputs], needed)
  changed = descendants([variable.op for variable in variables], needed)
  while True:
    border = _border(needed, moving, changed, outputs)
    closed = [t.op for t in border if t.op in looped or not _can_be_fed(t)]
    if not closed:
      # An op may wait for another, such as a check of shapes, and take no value
      # of it that could be fed in its place. So that one gets its inputs.
      run = _ancestors([tensor.op for tensor in outputs], border)
      waited_for = {tensor for tensor in inputs if tensor.op in run}
      return sorted(border | waited_for, key=lambda tensor: tensor.name)
    changed = descendants(list(changed) + closed, needed)


def descendants(
  ops: Iterable[tf.Operation], within: Iterable[tf.Operation] = ()
) -> Set[tf.Operation]:
  """Follows ops to all that depends on them.

  Args:
    ops: where to start; they are among the result.
    within: ops whose loops are taken as a whole.
  """
  loops: Dict[object, List[tf.Operation]] = {}
  for op in within:
    loop = _outermost_context(op)
    if loop is not None:
      loops.setdefault(loop, []).append(op)
  found: Set[tf.Operation] = set()
  waiting = list(ops)
  while waiting:
    op = waiting.pop()
    if op in found:
      continue
    found.add(op)
    for tensor in op.outputs:
      waiting.extend(tensor.consumers())
    waiting.extend(loops.get(_outermost_context(op), ()))
  return found


def _can_be_fed(tensor: tf.Tensor) -> bool:
  # What a tensor array holds is not in the tensor that stands for it.
  return (
    tensor.graph.is_feedable(tensor)
    and not tensor.op.type.startswith('TensorArray')
    and tensor.dtype.base_dtype not in (tf.resource, tf.variant)
  )


def _in_loops(ops: Set[tf.Operation]) -> Set[tf.Operation]:
  """Gives the ops whose outputs have a value in each round of a loop.

  A graph that was imported has lost what tells its loops, so they are found by
  what enters and leaves them.
  """
  depths: Dict[tf.Operation, int] = {}
  if not ops:
    return set()
  graph = next(iter(ops)).graph
  # An op is made after its inputs, except for what the last round hands on.
  for op in graph.get_operations():
    depth = max([depths.get(tensor.op, 0) for tensor in op.inputs] or [0])
    depths[op] = depth + _DEPTHS.get(op.type, 0)
  return {op for op in ops if depths[op] > 0}


def _border(needed, moving, changed, outputs) -> Set[tf.Tensor]:
  read = [tensor for op in changed & needed for tensor in op.inputs]
  read += [tensor for tensor in outputs if tensor.op not in changed]
  return {
    tensor
    for tensor in read
    if tensor.op in moving and tensor.op not in changed
  }


def _ancestors(
  ops: Iterable[tf.Operation], fed: Iterable[tf.Tensor] = ()
) -> Set[tf.Operation]:
  """Gives the ops and all that runs before them, where some tensors are fed."""
  stops = {tensor.name for tensor in fed}
  found: Set[tf.Operation] = set()
  waiting = list(ops)
  while waiting:
    op = waiting.pop()
    if op not in found:
      found.add(op)
      waiting.extend(t.op for t in op.inputs if t.name not in stops)
      waiting.extend(op.control_inputs)
  return found


def _outermost_context(op: tf.Operation):
  # pylint: disable=protected-access
  context = op._get_control_flow_context()
  while context is not None and context.outer_context is not None:
    context = context.outer_context
  return context
