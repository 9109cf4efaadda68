"""What the patch for `tf.contrib.model_pruning` calls in place of its strip."""

from typing import Iterable, List, Set

from object_detection_pruning.common import errors
from object_detection_pruning.export import graph_stripping, stripped_files
from object_detection_pruning.graphs import (
  freezing,
  graph_files,
  graph_index,
  graph_outputs,
  subgraphs,
)
from object_detection_pruning.graphs.graph_index import GraphDef, NodeDef

# What keeps variables: saves and restores them, or asks whether they are there.
_KEEPING_OPS = (
  'IsVariableInitialized',
  'MergeV2Checkpoints',
  'RestoreV2',
  'SaveV2',
  'ShardedFilename',
  'VarIsInitializedOp',
)


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


def graph_def_from_checkpoint(checkpoint: str) -> GraphDef:
  """Freezes the graph that was saved with a checkpoint, with all its outputs.

  What writes variables or files, as training and saving do, is no output, and
  neither is what no input has a part in.

  Args:
    checkpoint: its prefix.

  Raises:
    InputError: the checkpoint or its graph is missing or damaged, or the graph
      has no output.
  """
  source = graph_files.from_checkpoint(checkpoint)
  outputs = _pure_outputs(source.graph_def)
  if not outputs:
    raise errors.InputError(
      f'{source.path} has no output of a placeholder that leaves its variables '
      'alone: name the outputs to keep'
    )
  extracted = subgraphs.extract(source.graph_def, outputs)
  for node in extracted.node:
    node.device = ''
  stripped_files.freeze(extracted, source)
  return extracted


def _pure_outputs(graph_def: GraphDef) -> List[str]:
  """The nodes that nobody reads and that an input has a part in.

  So no regularizer of a kernel is one, and no summary of a variable.
  """
  index = graph_index.GraphIndex(graph_def)
  kept = [
    node
    for node in graph_def.node
    if node.op in _KEEPING_OPS or freezing.writes(node)
  ]
  inputs = [node for node in graph_def.node if node.op == 'Placeholder']
  found = _reached(inputs, index) - _reached(kept, index)
  ends = [name.split(':')[0] for name in graph_outputs.output_names(graph_def)]
  return [name for name in ends if name in found]


def _reached(
  nodes: Iterable[NodeDef], index: graph_index.GraphIndex
) -> Set[str]:
  """These nodes and all that depend on them."""
  reached = {node.name for node in nodes}
  waiting = list(reached)
  while waiting:
    for consumer in index.consumers(index.nodes[waiting.pop()]):
      if consumer.name not in reached:
        reached.add(consumer.name)
        waiting.append(consumer.name)
  return reached
