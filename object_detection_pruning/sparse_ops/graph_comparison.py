"""A graph and what it was rewritten to: their times and their outputs."""

import functools
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

import numpy as np

from object_detection_pruning.common import timing
from object_detection_pruning.graphs import graph_outputs, importing
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import library, loading


class GraphComparison(NamedTuple):
  """Two graphs, measured side by side.

  Attributes:
    plain_ms: median milliseconds of a run of the plain graph.
    rewritten_ms: the same of the graph that it was rewritten to.
    runs: of each.
    largest_difference: between their outputs, over all outputs of floats, as a
      share of the largest magnitude in the plain graph's output.
  """

  plain_ms: float
  rewritten_ms: float
  runs: int
  largest_difference: float

  @property
  def ratio(self) -> float:
    """How many times faster the rewritten graph is."""
    return self.plain_ms / self.rewritten_ms

  def __str__(self) -> str:
    text = (
      f'plain {self.plain_ms:.1f} ms, sparse {self.rewritten_ms:.1f} ms, '
      f'{self.ratio:.2f}x (median of {self.runs} runs each, in turns)'
    )
    if self.ratio <= 1:
      text += '\nthe sparse graph is NOT faster here: use the plain one'
    return text


def compare(
  plain: GraphDef,
  rewritten: GraphDef,
  feeds: Dict[str, Any],
  seconds: float = 10.0,
  threads: int = 1,
) -> GraphComparison:
  """Measures two graphs with the same inputs and outputs.

  They run by turns in a process of their own, one op at a time.

  Args:
    plain: a frozen graph.
    rewritten: the same, with sparse ops for instance.
    feeds: values by tensor name.
    seconds: for all runs together; at least three of each are made.
    threads: within an op.

  Raises:
    InputError: the graph has sparse ops, and they cannot be built.
  """
  with timing.Timer(intra_op=threads, inter_op=1) as timer:
    return compare_in(timer, plain, rewritten, feeds, seconds)


def compare_in(
  timer: timing.Timer,
  plain: GraphDef,
  rewritten: GraphDef,
  feeds: Dict[str, Any],
  seconds: float = 10.0,
) -> GraphComparison:
  """Does what `compare` does, in a process that is there already."""
  outputs = graph_outputs.detection_outputs(plain)
  first, second = timer.measure(
    [
      functools.partial(runner, graph_def, feeds, outputs)
      for graph_def in (plain, rewritten)
    ],
    seconds=seconds,
    with_results=True,
  )
  return GraphComparison(
    plain_ms=first.latency.median,
    rewritten_ms=second.latency.median,
    runs=len(first.seconds),
    largest_difference=_largest_difference(first.result, second.result),
  )


def runner(
  graph_def: GraphDef, feeds: Dict[str, Any], outputs: Sequence[str]
) -> Callable[[], List[np.ndarray]]:
  """Gives what runs a graph, on the threads that its process has.

  Args:
    graph_def: a frozen graph, plain or sparse.
    feeds: values by tensor name.
    outputs: names of tensors.
  """
  if loading.uses_sparse_ops(graph_def):
    library.load()
  session = importing.open_session(graph_def)
  call = session.make_callable(list(outputs), feed_list=list(feeds))

  def run() -> List[np.ndarray]:
    with importing.running():
      return call(*feeds.values())

  return run


def scaled_difference(first: np.ndarray, second: np.ndarray) -> float:
  """Gives the largest difference, as a share of the first's largest magnitude.

  Infinity stands for arrays of unlike shapes, and for a first one of zeros that
  the second is not.
  """
  if first.shape != second.shape:
    return float('inf')
  if not first.size:
    return 0.0
  scale = float(np.abs(first).max())
  difference = float(np.abs(first - second).max())
  return difference / scale if scale else (float('inf') if difference else 0.0)


def _largest_difference(
  first: List[np.ndarray], second: List[np.ndarray]
) -> float:
  differences = [
    scaled_difference(a, b)
    for a, b in zip(first, second)
    if a.dtype.kind == 'f'
  ]
  # Not Python's max, which loses a NaN.
  return float(np.max(differences)) if differences else 0.0
