"""Whether a pattern finds a kernel's inputs and outputs where it looks."""

from typing import Iterator, Optional, Sequence, Set

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import granularity, kernels, masking

_TRANSPOSED = ('Conv2DBackpropInput', 'Conv3DBackpropInputV2')
_CONVOLUTIONS = ('Conv2D', 'Conv3D', 'DepthwiseConv2dNative') + _TRANSPOSED
# What a layer does to a kernel, beside masks and scales, before it convolves.
_PASSING_OPS = (
  'Cast',
  'Enter',
  'ExpandDims',
  'Identity',
  'ReadVariableOp',
  'Reshape',
)


def check(
  masked: Sequence[masking.MaskedKernel],
  targets: Sequence[Optional[float]],
  pattern: granularity.Granularity,
) -> None:
  """Checks that a pattern fits all kernels that are to have zeros.

  The kernel of a transposed convolution is [..., outputs, inputs], and each
  output of a depthwise one has a single input.

  Args:
    masked: the kernels, in the graph of their network.
    targets: sparsity of each; None where scores decide.
    pattern: of the masks.

  Raises:
    InputError: it would take inputs for outputs, or finds nothing to mask.
  """
  pruned = [kernel for kernel, target in zip(masked, targets) if target != 0]
  if not pruned or pattern == granularity.Weight():
    return
  transposed = set() if pattern.is_symmetric else _transposed(pruned)
  for kernel in pruned:
    name = kernel.weights.op.name
    if name in transposed:
      raise errors.InputError(
        f'layer {kernel.layer} is a transposed convolution, with inputs and '
        f'outputs swapped, so granularity {pattern} does not go with it: '
        'exclude the layer, give it a layer_sparsity of 0, or take granularity '
        f'{granularity.Weight.form}'
      )
    if (
      pattern.fixed_sparsity is not None
      and kernels.kind_of(name, len(kernel.shape)) == kernels.DEPTHWISE
    ):
      raise errors.InputError(
        f'the depthwise kernel of layer {kernel.layer} is masked, and has one '
        f'input for each output, of which granularity {pattern} masks none: '
        'mask no depthwise kernels, or take another granularity'
      )
    pattern.check_kernel(kernel.layer, *kernel.view[-2:])


def _transposed(masked: Sequence[masking.MaskedKernel]) -> Set[str]:
  """Names the kernels whose layer is a transposed convolution.

  The gradient of a convolution is a transposed one of the same kernel, and the
  other way round. It comes after its layer, so the first op tells.
  """
  first = {}  # type: Dict[str, str]
  names = {kernel.weights.op.name for kernel in masked}
  for op in masked[0].masked_weight.graph.get_operations():
    if op.type in _CONVOLUTIONS:
      for name in _sources(op.inputs[1]):
        first.setdefault(name, op.type)
  return {name for name in names if first.get(name) in _TRANSPOSED}


def _sources(filters: tf.Tensor) -> Iterator[str]:
  """Names the ops that a convolution's kernel comes from, variables or not."""
  waiting = [filters.op]
  while waiting:
    op = waiting.pop()
    if op.type == 'Mul':
      waiting += [tensor.op for tensor in op.inputs]
    elif op.type in _PASSING_OPS or op.type.startswith('FakeQuant'):
      waiting.append(op.inputs[0].op)
    else:
      yield op.name
