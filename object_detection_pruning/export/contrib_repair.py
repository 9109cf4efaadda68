"""What the patch for `tf.contrib.model_pruning` calls in place of its strip."""

from typing import Iterable, List

from object_detection_pruning.core import errors
from object_detection_pruning.export import (
  freezing,
  graph_sources,
  graph_stripping,
  stripped_files,
  subgraphs,
)
from object_detection_pruning.sparse_ops import graph_index, measuring
from object_detection_pruning.sparse_ops.graph_index import GraphDef

# What keeps variables: saves and restores them, or asks whether they are there.
_KEEPING_OPS = (
  'IsVariableInitialized',
  'MergeV2Checkpoints',
  'RestoreV2',
  'SaveV2',
  'ShardedFilename',
  'VarIsInitializedOp',
)
_READING_OPS = ('Identity', 'ReadVariableOp')


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
  neither is a variable itself.

  Args:
    checkpoint: its prefix.

  Raises:
    InputError: the checkpoint or its graph is missing or damaged, or the graph
      has no output.
  """
  source = graph_sources.from_checkpoint(checkpoint)
  outputs = _pure_outputs(source.graph_def)
  if not outputs:
    raise errors.InputError(
      f'{source.path} has no output that leaves its variables alone: name the '
      'outputs to keep'
    )
  extracted = subgraphs.extract(source.graph_def, outputs)
  for node in extracted.node:
    node.device = ''
  stripped_files.freeze(extracted, source)
  return extracted


def _pure_outputs(graph_def: GraphDef) -> List[str]:
  """The nodes that nobody reads, but for those that save, train or look."""
  index = graph_index.GraphIndex(graph_def)
  impure = {
    node.name
    for node in graph_def.node
    if node.op in _KEEPING_OPS or freezing.writes(node)
  }
  waiting = list(impure)
  while waiting:
    for consumer in index.consumers(index.nodes[waiting.pop()]):
      if consumer.name not in impure:
        impure.add(consumer.name)
        waiting.append(consumer.name)
  variables = {node.name for node in freezing.variables(graph_def)}
  ends = [name.split(':')[0] for name in measuring.output_names(graph_def)]
  return [
    name
    for name in ends
    if name not in impure and _origin(name, index) not in variables
  ]


def _origin(name: str, index: graph_index.GraphIndex) -> str:
  """What a node hands on as it is."""
  while index.nodes[name].op in _READING_OPS:
    name = graph_index.node_name(index.nodes[name].input[0])
  return name
