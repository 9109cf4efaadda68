"""From a frozen graph to a sparse one beside it, measured."""

import os
from typing import NamedTuple, Optional, Union

import numpy as np

from object_detection_pruning.common import atomic_files, errors, paths
from object_detection_pruning.graphs import (
  portable,
  sample_feeds,
  saved_model_writer,
)
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import agreement as agreements
from object_detection_pruning.sparse_ops import (
  byte_values,
  graph_comparison,
  library,
  loading,
  rewrite,
)
from object_detection_pruning.sparse_ops.report import RewriteReport

SPARSE_GRAPH = 'sparse_inference_graph.pb'
SAVED_MODEL = 'sparse_saved_model'
_GRAPH_ENDING = '_inference_graph'


class SparseExport(NamedTuple):
  """What an export came to.

  Attributes:
    report: what became of every layer.
    plain_bytes: size of the plain graph's file.
    sparse_bytes: size of the sparse graph's file.
    saved_model: folder of the SavedModel.
    agreement: of the outputs of both graphs.
    measurement: of both graphs' times; None where it was not asked for.
  """

  report: RewriteReport
  plain_bytes: int
  sparse_bytes: int
  saved_model: str
  agreement: agreements.Agreement
  measurement: Optional[graph_comparison.GraphComparison]

  def __str__(self) -> str:
    lines = [
      str(self.report),
      f'size {self.plain_bytes / 1e6:.1f} MB, '
      f'sparse {self.sparse_bytes / 1e6:.1f} MB',
      str(self.agreement),
    ]
    if self.measurement is not None:
      lines.append(str(self.measurement))
    return '\n'.join(lines)


def export(
  input_graph: str,
  output_graph: str,
  min_sparsity: float = rewrite.DEFAULT_MIN_SPARSITY,
  image: Union[str, np.ndarray, None] = None,
  seconds: float = 10.0,
  threads: int = 1,
  overwrite: bool = False,
  value_bits: int = rewrite.FLOAT_BITS,
) -> SparseExport:
  """Writes the sparse graph and its SavedModel, and measures both graphs.

  Args:
    input_graph: a frozen graph.
    output_graph: the sparse graph to write; the SavedModel goes to a folder
      beside it, see `saved_model_of`. The plain graph is not touched.
    min_sparsity: kernels with a smaller share of zeros stay dense.
    image: to run with, a file or uint8 [height, width, 3]; None makes up one,
      in which a detector finds little.
    seconds: for measuring; 0 leaves it out.
    threads: to measure with.
    overwrite: replaces a graph and a SavedModel that are there.
    value_bits: see `rewrite.rewrite`.

  Returns:
    What it came to.

  Raises:
    InputError: an argument or the graph cannot be used.
  """
  saved = saved_model_of(output_graph)
  _check(input_graph, output_graph, saved, overwrite)
  _check_numbers(seconds, threads)
  rewrite.check_settings(min_sparsity, value_bits)
  plain = loading.read_graph_def(input_graph)
  if not isinstance(image, np.ndarray):
    image = sample_feeds.read_image(image)
  feeds = sample_feeds.make(plain, image)
  rewritten = rewrite.rewrite(
    plain, min_sparsity=min_sparsity, value_bits=value_bits
  )
  library.load()
  agreement = agreements.measure(
    plain, rewritten.graph_def, rewritten.moved, feeds, _large(value_bits)
  )
  measurement = None
  if seconds:
    measurement = graph_comparison.compare(
      plain, rewritten.graph_def, feeds, seconds, threads
    )
  _write(rewritten.graph_def, output_graph, saved)
  return SparseExport(
    rewritten.report,
    os.path.getsize(input_graph),
    os.path.getsize(output_graph),
    saved,
    agreement,
    measurement,
  )


def _check(
  input_graph: str, output_graph: str, saved: str, overwrite: bool
) -> None:
  """Checks that a graph can be read, and that its results can be written."""
  if not os.path.isfile(input_graph):
    raise errors.InputError(f'no such graph: {input_graph}')
  if os.path.isdir(output_graph):
    raise errors.InputError(f'{output_graph} is a folder, not a graph file')
  if os.path.isfile(saved):
    raise errors.InputError(f'{saved} is a file, not a folder to write')
  if os.path.realpath(input_graph) == os.path.realpath(output_graph):
    raise errors.InputError(
      'output_graph must not be input_graph: where no compiler is, only the '
      'plain graph runs'
    )
  paths.refuse_existing(output_graph, saved, overwrite=overwrite)
  paths.folder_to_write('the folder of the graph', os.path.dirname(saved))


def _check_numbers(seconds: float, threads: int) -> None:
  if seconds < 0:
    raise errors.InputError(f'seconds must be >= 0, got {seconds}')
  if threads < 1:
    raise errors.InputError(f'threads must be >= 1, got {threads}')


def _large(value_bits: int) -> float:
  """Gives how much more than rounding a difference between outputs is."""
  if value_bits == byte_values.BITS:
    return agreements.LARGE_OF_BYTES
  return agreements.LARGE


def _write(graph_def: GraphDef, output_graph: str, saved: str) -> None:
  """Writes a graph and its SavedModel, both or none."""
  with atomic_files.writing(output_graph) as (partial,):
    with open(partial, 'wb') as file:
      file.write(portable.serialized(graph_def))
    saved_model_writer.write(graph_def, saved)


def saved_model_of(graph_path: str) -> str:
  """Names the folder of a graph's SavedModel, which lies beside it.

  `small.pb` has `small_saved_model`, and `sparse_inference_graph.pb` has
  `sparse_saved_model`, as the exporter names it.
  """
  folder, name = os.path.split(os.path.abspath(graph_path))
  stem = os.path.splitext(name)[0]
  if stem.endswith(_GRAPH_ENDING):
    stem = stem[: -len(_GRAPH_ENDING)]
  return os.path.join(folder, stem + '_saved_model')
