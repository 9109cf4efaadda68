"""What the patch for `tf.contrib.model_pruning` calls in place of its strip."""

from typing import Iterable

from object_detection_pruning.export import graph_stripping, subgraphs
from object_detection_pruning.sparse_ops.graph_index import GraphDef


def strip_pruning_vars(
  graph_def: GraphDef, output_node_names: Iterable[str]
) -> GraphDef:
  """Takes the masks out of a frozen graph, without running it.

  Args:
    graph_def: the graph; not changed.
    output_node_names: what to keep; none, or empty names only: everything that
      nobody reads.

  Raises:
    InputError: the graph lacks an output, or has no masks.
  """
  outputs = [name.split(':')[0] for name in output_node_names if name]
  outputs = outputs or subgraphs.sinks(graph_def)
  subgraphs.check_outputs(graph_def, outputs)
  extracted = subgraphs.extract(graph_def, outputs)
  return graph_stripping.strip(extracted, outputs).graph_def
