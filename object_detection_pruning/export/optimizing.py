"""A frozen graph made fit for inference: constants and batch norm folded."""

import os
from typing import List, NamedTuple, Optional

from object_detection_pruning.batch_norm import folding
from object_detection_pruning.common import atomic_files, errors
from object_detection_pruning.graphs import (
  constant_folding,
  graph_outputs,
  portable,
  sample_feeds,
  saved_model_writer,
  subgraphs,
)
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import (
  graph_comparison,
  loading,
  prediction_differences,
)

OPTIMIZED_GRAPH = 'optimized_inference_graph.pb'
SAVED_MODEL = 'optimized_saved_model'
_INPUT_OPS = ('Placeholder',)


class Optimized(NamedTuple):
  """What an optimization came to.

  Attributes:
    nodes_before: number of nodes of the plain graph.
    nodes_after: the same of the optimized one.
    measurement: of both graphs.
    largest_difference: between their predictions before any selection, as a
      share of the scale of each; None where the graphs have none in common.
  """

  nodes_before: int
  nodes_after: int
  measurement: graph_comparison.GraphComparison
  largest_difference: Optional[float]

  def __str__(self) -> str:
    measured = self.measurement
    difference = 'no predictions to compare'
    if self.largest_difference is not None:
      difference = (
        'boxes and scores before suppression differ by at most '
        f'{self.largest_difference:.1e} of their scale'
      )
    return (
      f'{self.nodes_before:,} nodes, optimized {self.nodes_after:,}; '
      f'{measured.plain_ms:.1f} ms, optimized {measured.rewritten_ms:.1f} ms, '
      f'{measured.ratio:.2f}x (median of {measured.runs} runs each, in turns); '
      + difference
    )


def optimize(graph_def: GraphDef) -> GraphDef:
  """Folds constants and batch norm, and drops what no output needs.

  Every output of the graph stays, under its name.

  Args:
    graph_def: a frozen graph; not changed.

  Raises:
    InputError: the graph has sparse ops.
  """
  if loading.uses_sparse_ops(graph_def):
    raise errors.InputError(
      'the graph has sparse ops, which are folded already'
    )
  outputs = _outputs(graph_def)
  inputs = [node.name for node in graph_def.node if node.op in _INPUT_OPS]
  plain = subgraphs.extract(graph_def, outputs)
  folded = constant_folding.fold(folding.fold(plain, outputs))
  return subgraphs.extract(folded, outputs + inputs)


def export(
  input_graph: str, output_dir: str, seconds: float = 5.0
) -> Optimized:
  """Writes an optimized frozen graph and SavedModel, and measures the graph.

  Args:
    input_graph: a frozen graph; not touched.
    output_dir: folder for `optimized_inference_graph.pb` and
      `optimized_saved_model`.
    seconds: for graph_comparison.

  Raises:
    InputError: the file holds no graph, or one that cannot be fed an image.
  """
  plain = loading.read_graph_def(input_graph)
  optimized = optimize(plain)
  feeds = sample_feeds.make(plain, sample_feeds.read_image(None))
  measurement = graph_comparison.compare(plain, optimized, feeds, seconds)
  comparer = prediction_differences.Comparer(plain, optimized)
  differences = comparer.scaled_differences(feeds)
  path = os.path.join(output_dir, OPTIMIZED_GRAPH)
  with atomic_files.writing(path) as (partial,):
    with open(partial, 'wb') as file:
      file.write(portable.serialized(optimized))
    saved_model_writer.write(optimized, os.path.join(output_dir, SAVED_MODEL))
  return Optimized(
    len(plain.node),
    len(optimized.node),
    measurement,
    max(differences.values(), default=None),
  )


def _outputs(graph_def: GraphDef) -> List[str]:
  return [name.split(':')[0] for name in graph_outputs.output_names(graph_def)]
