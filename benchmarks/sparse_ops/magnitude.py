"""Prunes the kernels of a frozen graph by magnitude, for measuring speed."""

import argparse

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import tensor_util

_PRUNED_OPS = ('Conv2D', 'MatMul')


def prune(graph_def: tf.GraphDef, sparsity: float) -> tf.GraphDef:
  """Zeroes the smallest weights of every kernel but the first.

  Depthwise kernels stay as they are.

  Args:
    graph_def: a frozen graph; not changed.
    sparsity: share of zeros in each kernel.

  Returns:
    The pruned graph.
  """
  pruned = tf.GraphDef()
  pruned.CopyFrom(graph_def)
  nodes = {node.name: node for node in pruned.node}
  seen = set()
  for node in pruned.node:
    if node.op not in _PRUNED_OPS:
      continue
    constant = nodes[node.input[1].split(':')[0]]
    while constant.op == 'Identity':
      constant = nodes[constant.input[0].split(':')[0]]
    if constant.op != 'Const' or constant.name in seen:
      continue
    seen.add(constant.name)
    weights = tensor_util.MakeNdarray(constant.attr['value'].tensor)
    if weights.ndim < 2 or weights.ndim == 4 and weights.shape[2] <= 4:
      continue
    flat = weights.astype(np.float32).ravel()
    order = np.argsort(np.abs(flat), kind='stable')
    flat[order[: int(round(sparsity * flat.size))]] = 0
    constant.attr['value'].tensor.CopyFrom(
      tf.make_tensor_proto(flat.reshape(weights.shape))
    )
  return pruned


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--graph', required=True)
  parser.add_argument('--sparsity', type=float, required=True)
  parser.add_argument('--output', required=True)
  arguments = parser.parse_args()
  graph_def = tf.GraphDef()
  with open(arguments.graph, 'rb') as file:
    graph_def.ParseFromString(file.read())
  with open(arguments.output, 'wb') as file:
    file.write(prune(graph_def, arguments.sparsity).SerializeToString())


if __name__ == '__main__':
  main()
