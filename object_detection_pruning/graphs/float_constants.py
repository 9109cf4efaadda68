"""The values that a frozen graph computes with."""

from typing import Dict

import numpy as np

from object_detection_pruning.graphs.graph_index import GraphDef, GraphIndex


def find(graph_def: GraphDef) -> Dict[str, np.ndarray]:
  """Gives every constant of floats by name, but for scalars.

  A scalar may be infinite with reason, as where it stands for no bound.
  """
  index = GraphIndex(graph_def)
  found = {}
  for node in graph_def.node:
    if node.op == 'Const':
      value = index.constant(node.name)
      if value is not None and value.dtype.kind == 'f' and value.ndim:
        found[node.name] = value
  return found
