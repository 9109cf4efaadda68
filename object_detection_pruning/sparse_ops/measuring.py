"""Runs two graphs in turns, and says how long each takes."""

import time
from typing import Any, Callable, Dict, List, NamedTuple

import numpy as np

from object_detection_pruning.common import sessions
from object_detection_pruning.graphs import graph_outputs
from object_detection_pruning.graphs.graph_index import GraphDef

_WARM_UP_RUNS = 2
_FEWEST_RUNS = 3


class Measurement(NamedTuple):
  """Two graphs, measured side by side.

  Attributes:
    plain_ms: median milliseconds of a run of the plain graph.
    sparse_ms: the same of the sparse graph.
    runs: of each.
    largest_difference: between their outputs, over all outputs of floats, as a
      share of the largest magnitude in the plain graph's output.
  """

  plain_ms: float
  sparse_ms: float
  runs: int
  largest_difference: float

  @property
  def ratio(self) -> float:
    """How many times faster the sparse graph is."""
    return self.plain_ms / self.sparse_ms

  def __str__(self) -> str:
    text = (
      f'plain {self.plain_ms:.1f} ms, sparse {self.sparse_ms:.1f} ms, '
      f'{self.ratio:.2f}x (median of {self.runs} runs each, in turns); outputs '
      f'differ by at most {self.largest_difference:.1e} of their largest value'
    )
    if self.ratio <= 1:
      text += '\nthe sparse graph is NOT faster here: use the plain one'
    return text


def compare(
  plain: GraphDef,
  sparse: GraphDef,
  feeds: Dict[str, Any],
  seconds: float = 10.0,
  threads: int = 1,
) -> Measurement:
  """Measures two graphs with the same inputs and outputs, in turns.

  The op library must be loaded.

  Args:
    plain: a frozen graph.
    sparse: the same, rewritten.
    feeds: values by tensor name.
    seconds: for all runs together; at least three of each are made.
    threads: within an op.

  Returns:
    The measurement.
  """
  outputs = graph_outputs.detection_outputs(plain)
  runners = [_runner(g, feeds, outputs, threads) for g in (plain, sparse)]
  results = [[run() for _ in range(_WARM_UP_RUNS)][-1] for run in runners]
  times = [[], []]  # type: List[List[float]]
  end = time.perf_counter() + seconds
  while len(times[0]) < _FEWEST_RUNS or time.perf_counter() < end:
    for run, took in zip(runners, times):
      start = time.perf_counter()
      run()
      took.append(time.perf_counter() - start)
  return Measurement(
    plain_ms=float(np.median(times[0])) * 1e3,
    sparse_ms=float(np.median(times[1])) * 1e3,
    runs=len(times[0]),
    largest_difference=_largest_difference(*results),
  )


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


def _runner(
  graph_def: GraphDef, feeds: Dict[str, Any], outputs: List[str], threads: int
) -> Callable[[], List[np.ndarray]]:
  session = sessions.open_session(graph_def, threads, inter_op=1)
  call = session.make_callable(outputs, feed_list=list(feeds))
  return lambda: call(*feeds.values())


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
