"""The rules for all ops that the tracing of channels knows, by type of op."""

from typing import Callable, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import tracing
from object_detection_pruning.channels.rules import (
  layer_rules,
  op_facts,
  shape_rules,
  slice_rules,
)


def _rule(
  types: Sequence[str], function: Callable, by_constant: Optional[int] = None
) -> dict:
  """Gives the function for these types of ops.

  Args:
    types: of ops.
    function: takes the trace and the op.
    by_constant: number of an input without whose value nothing can be said. The
      function is given the value too; where the graph does not have it, the
      channels are fixed.
  """
  if by_constant is not None:
    function = op_facts.given_constant(function, by_constant)
  return dict.fromkeys(types, function)


RULES = {
  **_rule(
    (
      'Identity',
      'Relu',
      'Relu6',
      'Elu',
      'Selu',
      'LeakyRelu',
      'Sigmoid',
      'Tanh',
      'Softplus',
      'Rsqrt',
      'Sqrt',
      'Square',
      'Neg',
      'Abs',
      'Exp',
      'Log',
      'Cast',
      'StopGradient',
      'CheckNumerics',
      'ReadVariableOp',
      'PlaceholderWithDefault',
      'Reciprocal',
      'PreventGradient',
      'Erf',
      'Round',
    ),
    layer_rules.unary,
  ),
  **_rule(
    (
      'MaxPool',
      'AvgPool',
      'ResizeBilinear',
      'ResizeNearestNeighbor',
      'ResizeBicubic',
      'SpaceToBatchND',
      'BatchToSpaceND',
      'CropAndResize',
      'LRN',
    ),
    layer_rules.spatial,
  ),
  **_rule(('Softmax', 'LogSoftmax'), layer_rules.softmax),
  **_rule(
    (
      'Add',
      'AddV2',
      'Sub',
      'Mul',
      'RealDiv',
      'Div',
      'Maximum',
      'Minimum',
      'SquaredDifference',
      'Pow',
    ),
    layer_rules.broadcast,
  ),
  **_rule(('BiasAdd',), layer_rules.bias_add),
  **_rule(
    ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'),
    layer_rules.fused_batch_norm,
  ),
  **_rule(('Conv2D',), layer_rules.conv),
  **_rule(('DepthwiseConv2dNative',), layer_rules.depthwise),
  **_rule(('Conv2DBackpropInput',), layer_rules.transposed_conv),
  **_rule(('MatMul',), layer_rules.matmul),
  **_rule(('ConcatV2',), shape_rules.concat, by_constant=-1),
  **_rule(('AddN',), shape_rules.add_n),
  **_rule(('Pad', 'PadV2', 'MirrorPad'), shape_rules.pad),
  **_rule(('Mean', 'Sum', 'Max', 'Min'), shape_rules.reduce, by_constant=1),
  **_rule(('Squeeze',), shape_rules.squeeze),
  **_rule(('ExpandDims',), shape_rules.expand_dims, by_constant=1),
  **_rule(('Pack',), shape_rules.pack),
  **_rule(('Transpose',), shape_rules.transpose, by_constant=1),
  **_rule(('Reshape',), shape_rules.reshape),
  **_rule(('Split',), slice_rules.split, by_constant=0),
  **_rule(('SplitV',), slice_rules.split_v, by_constant=2),
  **_rule(('Slice', 'Tile'), slice_rules.same_size),
  **_rule(('StridedSlice',), slice_rules.strided_slice, by_constant=3),
  **_rule(('GatherV2',), slice_rules.gather, by_constant=2),
  **_rule(('ReverseV2',), slice_rules.reverse, by_constant=1),
  **_rule(('Unpack',), slice_rules.unpack),
}


def apply(trace: tracing.Trace, op: tf.Operation) -> None:
  """Follows the channels through an op."""
  tracked = [tensor for tensor in op.inputs if trace.is_tracked(tensor)]
  if not tracked or op.type in op_facts.HARMLESS:
    return
  function = RULES.get(op.type)
  if function is None:
    for tensor in tracked:
      trace.fix_tensor(
        tensor, f'it reaches {op.name}, an op that is not known ({op.type})'
      )
    return
  function(trace, op)
