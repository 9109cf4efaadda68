"""Makes the nodes of the sparse ops."""

from typing import Any, List, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.conv_layers import DEPTHWISE, Layer
from object_detection_pruning.graphs.graph_index import NodeDef
from object_detection_pruning.sparse_ops import packing


def constant(name: str, value: np.ndarray) -> NodeDef:
  """A Const node."""
  node = NodeDef(name=name, op='Const')
  proto = tf.make_tensor_proto(value)
  node.attr['value'].tensor.CopyFrom(proto)
  node.attr['dtype'].type = proto.dtype
  return node


def make(
  op: str, name: str, inputs: Sequence[str], **attributes: Any
) -> NodeDef:
  """A node whose attributes are strings, flags, numbers or lists of ints."""
  node = NodeDef(name=name, op=op)
  node.input.extend(inputs)
  for key, value in attributes.items():
    if isinstance(value, str):
      node.attr[key].s = value.encode()
    elif isinstance(value, bool):
      node.attr[key].b = value
    elif isinstance(value, int):
      node.attr[key].i = value
    elif isinstance(value, float):
      node.attr[key].f = value
    else:
      node.attr[key].list.i.extend(value)
      # An empty list must still be a list, and not an attribute of no type.
      node.attr[key].list.SetInParent()
  return node


def _with_constants(
  op: str, name: str, inputs: List[str], constants: dict, **attributes: Any
) -> List[NodeDef]:
  made = [constant(f'{name}/{key}', value) for key, value in constants.items()]
  references = inputs + [node.name for node in made]
  return made + [make(op, name, references, **attributes)]


def _window(layer: Layer) -> dict:
  return {
    'strides': layer.strides,
    'padding': layer.padding,
    'explicit_paddings': layer.explicit_paddings,
  }


def sparse_convolution(name: str, layers: Sequence[Layer]) -> List[NodeDef]:
  """One SparseConv2D for layers that differ in nothing but their weights."""
  first = layers[0]
  weights = np.concatenate([layer.weights for layer in layers], axis=3)
  mask, values = packing.pack(weights)
  bias = np.concatenate([layer.bias for layer in layers])
  return _with_constants(
    'SparseConv2D',
    name,
    [first.input],
    {'mask': mask, 'values': values, 'bias': bias},
    kernel_shape=weights.shape,
    constant_weights=True,
    num_outputs=len(layers),
    output_depths=[layer.bias.size for layer in layers],
    activation=first.activation,
    **_window(first),
  )


def sparse_separable(depthwise: Layer, pointwise: Layer) -> List[NodeDef]:
  """One SparseSeparableConv2D for a depthwise layer and a pointwise one."""
  mask, values = packing.pack(pointwise.weights)
  return _with_constants(
    'SparseSeparableConv2D',
    pointwise.name,
    [depthwise.input],
    {
      'depthwise_weights': depthwise.weights,
      'depthwise_bias': depthwise.bias,
      'mask': mask,
      'values': values,
      'bias': pointwise.bias,
    },
    kernel_shape=pointwise.weights.shape[2:],
    constant_weights=True,
    depthwise_activation=depthwise.activation,
    activation=pointwise.activation,
    **_window(depthwise),
  )


def sparse_matmul(layer: Layer) -> List[NodeDef]:
  """One SparseMatMulBias for a fully connected layer."""
  mask, values = packing.pack(layer.weights)
  return _with_constants(
    'SparseMatMulBias',
    layer.name,
    [layer.input],
    {'mask': mask, 'values': values, 'bias': layer.bias},
    kernel_shape=layer.weights.shape,
    constant_weights=True,
    activation=layer.activation,
  )


def fused_dense(layer: Layer) -> List[NodeDef]:
  """One FusedConv2D or FusedDepthwiseConv2D."""
  op = 'FusedDepthwiseConv2D' if layer.kind == DEPTHWISE else 'FusedConv2D'
  return _with_constants(
    op,
    layer.name,
    [layer.input],
    {'weights': layer.weights, 'bias': layer.bias},
    activation=layer.activation,
    **_window(layer),
  )


def folded(layer: Layer) -> List[NodeDef]:
  """The layer in TensorFlow's own ops, batch norm folded into the kernel."""
  name = layer.name
  weights = constant(name + '/folded_weights', layer.weights)
  bias = constant(name + '/folded_bias', layer.bias)
  kernel = NodeDef()
  kernel.CopyFrom(layer.nodes[0])
  kernel.name = name + '/folded'
  kernel.input[1] = weights.name
  has_activation = layer.activation != 'none'
  add = make(
    'BiasAdd',
    name + '/folded_sum' if has_activation else name,
    [kernel.name, bias.name],
  )
  add.attr['T'].type = tf.float32.as_datatype_enum
  made = [weights, bias, kernel, add]
  if has_activation:
    made.append(make(layer.nodes[-1].op, name, [add.name]))
    made[-1].attr['T'].type = tf.float32.as_datatype_enum
  return made
