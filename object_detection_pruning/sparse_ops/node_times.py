"""How long each node of a graph takes."""

import collections
from typing import Any, Dict, List, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import own_process, sessions
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import library, loading

_WARM_UP_RUNS = 2


def measure(
  graph_defs: Sequence[GraphDef],
  feeds: Dict[str, Any],
  outputs: Sequence[str],
  rounds: int = 10,
) -> List[Dict[str, float]]:
  """Times the nodes of some graphs, each op on one thread.

  The graphs run by turns in a process of their own, one op at a time.

  Args:
    graph_defs: frozen graphs with the same inputs and outputs.
    feeds: values by tensor name.
    outputs: names of tensors to fetch.
    rounds: runs of each graph.

  Returns:
    For each graph the median seconds of each node that ran. What a node of a
    loop takes is summed up over the loop.

  Raises:
    InputError: a graph has sparse ops, and they cannot be built.
  """
  with own_process.OwnProcess(1, 1, 'the process that measures') as process:
    serialized = [each.SerializeToString() for each in graph_defs]
    return process.call(_measure, serialized, feeds, list(outputs), rounds)


def _measure(
  serialized: Sequence[bytes],
  feeds: Dict[str, Any],
  outputs: List[str],
  rounds: int,
) -> List[Dict[str, float]]:
  graph_defs = [GraphDef.FromString(each) for each in serialized]
  if any(loading.uses_sparse_ops(each) for each in graph_defs):
    library.load()
  opened = [sessions.open_session(each) for each in graph_defs]
  for session in opened:
    for _ in range(_WARM_UP_RUNS):
      session.run(outputs, feeds)
  found = [[] for _ in opened]  # type: List[List[Dict[str, float]]]
  for _ in range(rounds):
    for runs, session in zip(found, opened):
      runs.append(_traced(session, feeds, outputs))
  return [
    {
      name: float(np.median([run.get(name, 0.0) for run in runs]))
      for name in set().union(*runs)
    }
    for runs in found
  ]


def _traced(session, feeds, outputs) -> Dict[str, float]:
  metadata = tf.RunMetadata()
  options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
  session.run(outputs, feeds, options, metadata)
  seconds = collections.Counter()  # type: Dict[str, float]
  for device in metadata.step_stats.dev_stats:
    for node in device.node_stats:
      took = node.op_end_rel_nanos - node.op_start_rel_nanos
      seconds[node.node_name] += took * 1e-9
  return dict(seconds)
