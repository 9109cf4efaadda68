"""What ops that take parts of tensors do to channels."""

from object_detection_pruning.channels.rules import op_facts


def split(trace, op, axis):
  _cut(trace, op, trace.axes(op.inputs[1]), axis)


def split_v(trace, op, axis):
  _cut(trace, op, trace.axes(op.inputs[0]), axis)


def _cut(trace, op, axes, axis):
  axis = int(axis) % len(axes)
  # The code of a split asks for sizes of its own.
  trace.fix(axes[axis], f'{op.name} ({op.type}) cuts it at a fixed index')
  start = 0
  for output in op.outputs:
    size = output.shape[axis].value
    part = list(axes)
    if part[axis] is not None and size is not None:
      part[axis] = part[axis][start : start + size]
      start += size
    trace.put(output, part)


def same_size(trace, op):
  """Axes that keep their size are untouched; on another one nothing may go."""
  data = op.inputs[0]
  axes = trace.axes(data)
  output = op.outputs[0]
  if output.shape.ndims != len(axes):
    op_facts.give_up(trace, op)
    return
  result = []
  for axis, ids in enumerate(axes):
    if ids is None or output.shape[axis].value == len(ids):
      result.append(ids)
    else:
      trace.fix(ids, f'{op.name} ({op.type}) takes a part of it')
      result.append(None)
  trace.put(output, result)


def strided_slice(trace, op, strides):
  ellipsis, new, shrink = (
    op.get_attr(f'{kind}_mask')
    for kind in ('ellipsis', 'new_axis', 'shrink_axis')
  )
  bits = [1 << number for number in range(len(strides))]
  named = sum(not (ellipsis | new) & bit for bit in bits)
  axes = list(trace.axes(op.inputs[0]))
  result = []
  for bit, stride in zip(bits, strides):
    if ellipsis & bit:
      untouched = len(axes) - named
      result.extend(axes[:untouched])
      del axes[:untouched]
      continue
    if new & bit:
      result.append(None)
      continue
    named -= 1
    ids = axes.pop(0)
    if shrink & bit:
      trace.fix(ids, f'{op.name} ({op.type}) takes a part of it')
      continue
    size = op.outputs[0].shape[len(result)].value
    if ids is not None and (stride != 1 or size != len(ids)):
      trace.fix(ids, f'{op.name} ({op.type}) takes a part of it')
      ids = None
    result.append(ids)
  trace.put(op.outputs[0], result + axes)


def gather(trace, op, axis):
  data, indices, _ = op.inputs
  rank = indices.shape.ndims
  if rank is None or trace.is_tracked(indices):
    op_facts.give_up(trace, op)
    return
  axes = trace.axes(data)
  axis = int(axis) % len(axes)
  trace.fix(axes[axis], f'{op.name} ({op.type}) picks from it')
  trace.put(op.outputs[0], axes[:axis] + [None] * rank + axes[axis + 1 :])


def reverse(trace, op, reversed_axes):
  axes = list(trace.axes(op.inputs[0]))
  for axis in reversed_axes:
    trace.fix(axes[axis], f'{op.name} ({op.type}) turns it around')
    axes[axis] = None
  trace.put(op.outputs[0], axes)


def unpack(trace, op):
  axes = list(trace.axes(op.inputs[0]))
  ids = axes.pop(op.get_attr('axis') % len(axes))
  trace.fix(ids, f'{op.name} ({op.type}) takes it apart')
  for output in op.outputs:
    trace.put(output, axes)
