"""Stores the weights of sparse layers in a byte each.

A weight becomes the nearest multiple of a scale, and each output channel has a
scale of its own, by which its largest weight is 127. The op multiplies once,
when it first runs, and computes with floats.
"""

from typing import List, NamedTuple

import numpy as np

from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  attribute,
  data_inputs,
  node_name,
)
from object_detection_pruning.sparse_ops import nodes, packing

BITS = 8
_LARGEST = 2 ** (BITS - 1) - 1


class ByteValues(NamedTuple):
  """The nonzeros of a kernel in bytes.

  Attributes:
    numbers: int8 vector in the order of `packing.pack`; some may be zero.
    scales: float32 vector, one for each output channel.
  """

  numbers: np.ndarray
  scales: np.ndarray


def rounded(weights: np.ndarray) -> ByteValues:
  """Rounds the nonzeros of a float32 kernel of the shape [..., outputs]."""
  flat = weights.reshape(-1, weights.shape[-1])
  scales = np.abs(flat).max(axis=0) / np.float32(_LARGEST)
  # A channel without weights, or whose weights are next to nothing.
  scales[scales == 0] = 1
  numbers = np.clip(np.rint(flat / scales), -_LARGEST, _LARGEST)
  return ByteValues(numbers.astype(np.int8)[flat != 0], scales)


def store(graph_def: GraphDef) -> List[str]:
  """Stores the weights of all sparse layers in bytes.

  Args:
    graph_def: of the sparse ops, none of which shares its constants with
      another; changed in place.

  Returns:
    The names of the layers.
  """
  index = GraphIndex(graph_def)
  made, changed = [], []
  for node in graph_def.node:
    if node.op not in packing.MASK_INPUTS:
      continue
    number = packing.MASK_INPUTS[node.op]
    references = data_inputs(node)
    mask, values = (index.constant(r) for r in references[number : number + 2])
    shape = tuple(attribute(node, 'kernel_shape').list.i)
    found = rounded(packing.unpack(mask, values, shape))
    name = node_name(references[number + 1])
    index.nodes[name].CopyFrom(nodes.constant(name, found.numbers))
    scales = nodes.constant(f'{node.name}/scales', found.scales)
    made.append(scales)
    node.input.insert(len(references), scales.name)
    node.attr['T'].type = index.nodes[name].attr['dtype'].type
    node.attr['num_scales'].i = 1
    changed.append(node.name)
  graph_def.node.extend(made)
  return changed
