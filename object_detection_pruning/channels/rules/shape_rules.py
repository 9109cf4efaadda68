"""What ops that join, reduce and reshape tensors do to channels."""

import numpy as np

from object_detection_pruning.channels.rules import op_facts, reshaping


def concat(trace, op, axis):
  tensors = list(op.inputs)[:-1]
  rank = tensors[0].shape.ndims
  if rank is None:
    op_facts.give_up(trace, op)
    return
  axis = int(axis) % rank
  result = [trace.axes(tensor) for tensor in tensors]
  joined = list(result[0])
  for number in range(rank):
    parts = [axes[number] for axes in result]
    if number != axis:
      for part in parts[1:]:
        trace.tie(parts[0], part, op)
    elif any(part is None for part in parts):
      for part in parts:
        trace.fix(part, f'{op.name} ({op.type}) joins what is not followed')
      joined[number] = None
    else:
      joined[number] = np.concatenate(parts)
  trace.put(op.outputs[0], joined)


def add_n(trace, op):
  trace.put(op.outputs[0], _tied_axes(trace, op))


def pad(trace, op):
  padding = op_facts.constant(op.inputs[1])
  result = []
  for axis, ids in enumerate(trace.axes(op.inputs[0])):
    if ids is not None and (padding is None or padding[axis].any()):
      trace.fix(ids, f'{op.name} ({op.type}) adds channels to it')
      ids = None
    result.append(ids)
  trace.put(op.outputs[0], result)


def reduce(trace, op, reduced):
  axes = trace.axes(op.inputs[0])
  reduced = {int(axis) % len(axes) for axis in np.atleast_1d(reduced)}
  result = []
  for axis, ids in enumerate(axes):
    if axis not in reduced:
      result.append(ids)
      continue
    trace.fix(ids, f'{op.name} ({op.type}) runs over it')
    if op.get_attr('keep_dims'):
      result.append(None)
  trace.put(op.outputs[0], result)


def squeeze(trace, op):
  axes = trace.axes(op.inputs[0])
  dropped = [axis % len(axes) for axis in op.get_attr('squeeze_dims')]
  if not dropped:
    shape = op.inputs[0].shape.as_list()
    dropped = [axis for axis, size in enumerate(shape) if size == 1]
  for axis in dropped:
    trace.fix(axes[axis], f'{op.name} ({op.type}) needs it to be one')
  trace.put(
    op.outputs[0],
    [ids for axis, ids in enumerate(axes) if axis not in dropped],
  )


def expand_dims(trace, op, axis):
  axes = list(trace.axes(op.inputs[0]))
  axes.insert(int(axis) % (len(axes) + 1), None)
  trace.put(op.outputs[0], axes)


def pack(trace, op):
  axes = list(_tied_axes(trace, op))
  axes.insert(op.get_attr('axis') % (len(axes) + 1), None)
  trace.put(op.outputs[0], axes)


def transpose(trace, op, order):
  axes = trace.axes(op.inputs[0])
  trace.put(op.outputs[0], [axes[axis] for axis in order])


def reshape(trace, op):
  old = op.inputs[0].shape
  new = op.outputs[0].shape
  if old.ndims is None or new.ndims is None:
    op_facts.give_up(trace, op)
    return
  result = [None] * new.ndims
  for axis, ids in enumerate(trace.axes(op.inputs[0])):
    if ids is None:
      continue
    moved = reshaping.follow(old.as_list(), new.as_list(), axis, ids)
    if moved is None:
      trace.fix(ids, f'{op.name} (Reshape) takes {old} apart into {new}')
    else:
      result[moved[0]] = moved[1]
  trace.put(op.outputs[0], result)


def _tied_axes(trace, op):
  """Ties the inputs of an op, which are alike, and gives their axes."""
  first, *others = [trace.axes(tensor) for tensor in op.inputs]
  for other in others:
    for left, right in zip(first, other):
      if left is not right:
        trace.tie(left, right, op)
  return first
