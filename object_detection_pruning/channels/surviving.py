"""Which channels of a tensor of the dense network a plan has left.

A narrow network can then be compared with the dense one, channel by channel.
"""

import json
import os
from typing import Dict, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import inference_graph
from object_detection_pruning.channels import plan, tracing
from object_detection_pruning.channels.rules import table
from object_detection_pruning.common import errors

# Indices that went, by variable and axis.
Gone = Dict[str, Dict[int, Sequence[int]]]


def read_beside(checkpoint: str) -> Optional[Gone]:
  """Reads what went from the plan beside a narrow checkpoint.

  Args:
    checkpoint: its prefix.

  Returns:
    What went; None where there is no plan, or one of a version that did not
    write it.

  Raises:
    InputError: the file is no plan.
  """
  path = os.path.join(os.path.dirname(checkpoint), plan.FILE_NAME)
  if not os.path.isfile(path):
    return None
  try:
    with open(path) as file:
      removed = json.load(file).get(plan.REMOVED)
    return removed and {
      variable: {int(axis): list(map(int, gone)) for axis, gone in axes.items()}
      for variable, axes in removed.items()
    }
  except (AttributeError, TypeError, ValueError) as error:
    raise errors.InputError(f'{path} is no plan of prune_channels: {error}')


def in_last_axis(
  graph: tf.Graph, tensors: Sequence[tf.Tensor], gone: Gone
) -> Dict[str, np.ndarray]:
  """Finds the channels that are left along the last axis of tensors.

  Args:
    graph: of the network before; with variables, not frozen.
    tensors: of the graph.
    gone: what went.

  Returns:
    Sorted indices by the name of the tensor; nothing for one whose channels
    cannot be followed.
  """
  trace = tracing.Trace(graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES))
  needed = inference_graph.ancestors(tensors)
  for op in graph.get_operations():
    if op in needed:
      table.apply(trace, op)
  is_left = _is_left(trace, gone)
  found = {}
  for tensor in tensors:
    along = trace.axes(tensor)[-1]
    if along is not None:
      found[tensor.name] = np.flatnonzero(is_left[along])
  return found


def _is_left(trace: tracing.Trace, gone: Gone) -> np.ndarray:
  """Tells of each channel of a trace whether it is left."""
  result = np.ones(trace.size, bool)
  ends = trace.starts[1:] + [trace.size]
  for start, end, owner, axis in zip(
    trace.starts, ends, trace.owners, trace.axis_of
  ):
    indices = np.array(gone.get(owner, {}).get(axis, ()), int)
    # A plan for a wider network names channels that are not there.
    result[start:end][indices[indices < end - start]] = False
  return result
