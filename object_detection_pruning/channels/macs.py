"""How often an image is multiplied by each kernel."""

from typing import Dict

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import inference_graph
from object_detection_pruning.channels import groups
from object_detection_pruning.channels.rules import op_facts


def count(
  built: inference_graph.InferenceGraph, channels: groups.Channels
) -> Dict[str, int]:
  """Counts the positions at which each kernel is applied, over all its calls.

  The MACs of a layer are these positions times the kernel's size.

  Args:
    built: the inference graph; runs once on a black image with fresh weights
      where a number of boxes is known at run time only.
    channels: its channel groups.
  """
  tensors = {
    name: [_operand(built.graph.get_operation_by_name(op)) for op in ops]
    for name, ops in channels.uses.items()
  }
  open_shapes = [
    tensor
    for uses in tensors.values()
    for tensor in uses
    if not tensor.shape.is_fully_defined()
  ]
  sizes = _run(built, open_shapes) if open_shapes else {}
  return {
    name: sum(
      _positions(sizes.get(tensor.name, tensor.shape.as_list()), tensor)
      for tensor in uses
    )
    for name, uses in tensors.items()
  }


def _operand(op: tf.Operation) -> tf.Tensor:
  # A transposed convolution applies its kernel at each position of its input.
  return op.inputs[2] if op.type == 'Conv2DBackpropInput' else op.outputs[0]


def _positions(shape, tensor: tf.Tensor) -> int:
  if tensor.shape.ndims == 4 and op_facts.is_channels_first(tensor.op):
    return int(np.prod([shape[0]] + list(shape[2:])))
  return int(np.prod(shape[:-1]))


def _run(built: inference_graph.InferenceGraph, tensors) -> Dict[str, list]:
  with built.graph.as_default():
    fetches = {tensor.name: tf.shape(tensor) for tensor in tensors}
    initializer = tf.global_variables_initializer()
  with tf.Session(graph=built.graph) as session:
    session.run(initializer)
    found = session.run(
      fetches, {built.image: np.zeros(built.image.shape.as_list())}
    )
  return {name: shape.tolist() for name, shape in found.items()}
