"""Batch norm folded into the kernels of a frozen graph."""

import hashlib
from typing import Dict, Iterable, List, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import conv_layers as layers_lib
from object_detection_pruning.graphs import freezing, graph_index, subgraphs
from object_detection_pruning.graphs.graph_index import GraphDef, NodeDef

_ACTIVATIONS = ('Relu', 'Relu6')


def fold(graph_def: GraphDef, outputs: Iterable[str]) -> GraphDef:
  """Replaces batch norm, and whatever scales channels, by a bias.

  A zero weight stays zero. Kernels that were shared stay so, where the batch
  norm behind them is the same.

  Args:
    graph_def: a frozen graph; not changed.
    outputs: names of nodes that must stay.

  Returns:
    The graph without the batch norms that follow a kernel directly.
  """
  folded = GraphDef()
  folded.CopyFrom(graph_def)
  index = graph_index.GraphIndex(folded)
  outputs = list(outputs)
  layers = [
    layer
    for layer in layers_lib.find(folded, index, set(outputs))
    if isinstance(layer, layers_lib.Layer) and _affine_nodes(layer)
  ]
  constants = _Constants(folded, set(index.nodes))
  for layer in layers:
    _fold(layer, constants)
  return subgraphs.extract(folded, outputs)


class _Constants:
  """Adds constants to a graph, each value of a name once."""

  def __init__(self, graph_def: GraphDef, taken: Set[str]):
    self._graph_def = graph_def
    self._taken = taken
    self._made: Dict[tuple, str] = {}

  def add(self, name: str, value: np.ndarray) -> str:
    """Gives the name of a constant, which is new or has the same value."""
    key = (name, value.shape, hashlib.sha1(value.tobytes()).digest())
    if key not in self._made:
      unique, count = name, 1
      while unique in self._taken:
        unique, count = f'{name}_{count}', count + 1
      self._taken.add(unique)
      node = self._graph_def.node.add()
      node.name = unique
      freezing.set_constant(node, value)
      self._made[key] = unique
    return self._made[key]


def _affine_nodes(layer: layers_lib.Layer) -> List[NodeDef]:
  """What is to be folded: nothing, where there is a bias alone."""
  nodes = [n for n in layer.nodes[1:] if n.op not in _ACTIVATIONS]
  return [] if [n.op for n in nodes] == ['BiasAdd'] else nodes


def _fold(layer: layers_lib.Layer, constants: _Constants) -> None:
  kernel = layer.nodes[0]
  stem = graph_index.node_name(kernel.input[1])
  stem = stem[: -len('/read')] if stem.endswith('/read') else stem
  # Adding zero makes 0 of the -0 that a negative scale makes of 0; equal bytes
  # are what a zip file needs.
  weights = constants.add(stem + '/folded', layer.weights + np.float32(0))
  bias = constants.add(stem + '/folded_bias', layer.bias)
  kernel.input[1] = weights
  last = _affine_nodes(layer)[-1]
  name, device = last.name, last.device
  last.Clear()
  last.name, last.device, last.op = name, device, 'BiasAdd'
  last.input.extend([kernel.name, bias])
  last.attr['T'].type = tf.float32.as_datatype_enum
