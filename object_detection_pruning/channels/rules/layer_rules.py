"""What layers and elementwise ops do to channels."""

import numpy as np

from object_detection_pruning.channels.rules import op_facts


def unary(trace, op):
  trace.put(op.outputs[0], trace.axes(op.inputs[0]))


def spatial(trace, op):
  axes = trace.axes(op.inputs[0])
  if op.type == 'LRN' or op_facts.is_channels_first(op):
    trace.fix_tensor(op.inputs[0], f'{op.name} ({op.type}) mixes channels')
    return
  for ids in axes[:-1]:
    trace.fix(ids, f'{op.name} ({op.type}) mixes this axis')
  trace.put(op.outputs[0], [None] * (len(axes) - 1) + axes[-1:])


def softmax(trace, op):
  axes = trace.axes(op.inputs[0])
  trace.fix(axes[-1], f'{op.name} ({op.type}) mixes channels')
  trace.put(op.outputs[0], axes[:-1] + [None])


def broadcast(trace, op):
  # The one that more is known of comes first, so that a kernel which is
  # multiplied by a scale stays that kernel.
  left, right = sorted(
    op.inputs,
    key=lambda tensor: -sum(ids is not None for ids in trace.axes(tensor)),
  )
  rank = op.outputs[0].shape.ndims or 0
  result = []
  for axis in range(-rank, 0):
    ids, sizes, uniform = [], [], []
    for tensor in (left, right):
      axes = trace.axes(tensor)
      inside = len(axes) >= -axis
      ids.append(axes[axis] if inside else None)
      sizes.append(tensor.shape[axis].value if inside else 1)
      uniform.append(
        not trace.is_tracked(tensor) and op_facts.is_uniform(tensor)
      )
    result.append(_joined(trace, op, ids, sizes, uniform))
  trace.put(op.outputs[0], result)


def _joined(trace, op, ids, sizes, uniform):
  for one, other in ((0, 1), (1, 0)):
    if sizes[one] == 1 and sizes[other] != 1:
      trace.fix(ids[one], f'{op.name} ({op.type}) spreads it over many')
      return ids[other]
    if ids[one] is None and (uniform[one] or sizes[one] == 1):
      return ids[other]
  trace.tie(ids[0], ids[1], op)
  return ids[0] if ids[0] is not None else ids[1]


def bias_add(trace, op):
  axes = trace.axes(op.inputs[0])
  channel = 1 if op_facts.is_channels_first(op) else len(axes) - 1
  trace.tie(axes[channel], trace.axes(op.inputs[1])[0], op)
  trace.put(op.outputs[0], axes)


def fused_batch_norm(trace, op):
  axes = trace.axes(op.inputs[0])
  channel = 1 if op_facts.is_channels_first(op) else 3
  for parameter in op.inputs[1:]:
    ids = trace.axes(parameter)[0]
    if ids is None and op_facts.is_uniform(parameter):
      continue
    trace.tie(axes[channel], ids, op)
  trace.put(op.outputs[0], axes)


def conv(trace, op):
  kernel, channel = _meet_kernel(trace, op)
  trace.produce(kernel[3])
  result = [None] * 4
  result[channel] = kernel[3]
  trace.put(op.outputs[0], result)


def depthwise(trace, op):
  kernel, channel = _meet_kernel(trace, op)
  multiplier = op.inputs[1].shape[3].value
  trace.fix(kernel[3], 'it is the multiplier of a depthwise kernel')
  result = [None] * 4
  if kernel[2] is not None:
    result[channel] = np.repeat(kernel[2], multiplier)
  trace.put(op.outputs[0], result)


def _meet_kernel(trace, op):
  """Ties what a convolution reads to its kernel.

  Returns:
    The axes of the kernel, and which axis of the data has the channels.
  """
  data, kernel = (trace.axes(tensor) for tensor in op.inputs)
  trace.use_kernel(kernel, op)
  channel = 1 if op_facts.is_channels_first(op) else 3
  trace.tie(data[channel], kernel[2], op)
  return kernel, channel


def transposed_conv(trace, op):
  _, kernel, data = op.inputs
  kernel_axes = trace.axes(kernel)
  trace.use_kernel(kernel_axes, op)
  trace.tie(trace.axes(data)[3], kernel_axes[3], op)
  trace.fix(kernel_axes[2], f'{op.name} ({op.type}) is made in a fixed width')
  trace.put(op.outputs[0], [None, None, None, kernel_axes[2]])


def matmul(trace, op):
  data, kernel = (trace.axes(tensor) for tensor in op.inputs)
  if op.get_attr('transpose_a'):
    data = data[::-1]
  if op.get_attr('transpose_b'):
    kernel = kernel[::-1]
  trace.use_kernel(kernel, op)
  trace.tie(data[1], kernel[0], op)
  trace.produce(kernel[1])
  trace.put(op.outputs[0], [data[0], kernel[1]])
