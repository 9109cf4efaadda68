"""Layers of equal weights read one constant."""

from typing import Container, Dict

from tensorflow.python.framework import tensor_util

from object_detection_pruning.graphs.graph_index import GraphDef, remove_nodes


def share_constants(graph_def: GraphDef, untouched: Container[str]) -> None:
  """Keeps one of several equal constants, in place.

  A layer that is called twice, as the second stage is for the boxes and for
  `detection_features`, would else be in the file twice.

  Args:
    graph_def: the graph; it is changed.
    untouched: names of nodes that stay as they are.
  """
  names: Dict[bytes, str] = {}
  renamed = {}
  for node in graph_def.node:
    if node.op != 'Const' or node.name in untouched:
      continue
    tensor = node.attr['value'].tensor
    if not tensor_util.MakeNdarray(tensor).any():
      # Kernels without a weight are alike whatever layer they are of.
      continue
    content = tensor.SerializeToString()
    name = names.setdefault(content, node.name)
    if name != node.name:
      renamed[node.name] = name
  remove_nodes(graph_def, renamed)
  for node in graph_def.node:
    node.input[:] = [renamed.get(name, name) for name in node.input]
