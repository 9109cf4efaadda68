"""Channel groups: the variable slices that must go together."""

import collections
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import inference_graph
from object_detection_pruning.channels import tracing
from object_detection_pruning.channels.rules import table
from object_detection_pruning.core import kernels


class Slice(NamedTuple):
  """Where the channels of a group lie in a variable.

  Attributes:
    variable: its name.
    axis: of the variable.
    indices: int [channels, times]; a channel has several indices on one
      axis where it was flattened together with rows and columns.
    is_output: whether these are the filters that make the channels.
  """

  variable: str
  axis: int
  indices: np.ndarray
  is_output: bool


class ChannelGroup(NamedTuple):
  """Channels that are alike, each with all the slices that go with it.

  Attributes:
    name: the first layer that makes the channels.
    slices: of all variables; row c of each one's indices is channel c.
    links: ops that hold the slices together, `name (type)`.
    reason: why no channel can go; None where they can.
  """

  name: str
  slices: Sequence[Slice]
  links: Sequence[str]
  reason: Optional[str]

  @property
  def size(self) -> int:
    """Number of channels."""
    return len(self.slices[0].indices)

  @property
  def layers(self) -> List[str]:
    """Layers whose filters make the channels."""
    return [
      kernels.layer_name(part.variable)
      for part in self.slices
      if part.is_output
    ]

  def __str__(self) -> str:
    lines = [f'{self.name}: {self.size} channels']
    if self.reason:
      lines[0] += f', not prunable: {self.reason}'
    for part in self.slices:
      role = 'filters' if part.is_output else 'slices'
      lines.append(
        f'  {role} {_span(part.indices)} on axis {part.axis} of {part.variable}'
      )
    if self.links:
      lines.append('  held together by')
      lines.extend(f'    {link}' for link in self.links)
    return '\n'.join(lines)


class Channels(NamedTuple):
  """All channel groups of a graph.

  Attributes:
    groups: in the order in which the graph makes them, prunable or not.
    shapes: shape of each variable that the outputs depend on, by name.
    uses: kernel name to the ops that compute with it, by name.
  """

  groups: List[ChannelGroup]
  shapes: Dict[str, Tuple[int, ...]]
  uses: Dict[str, List[str]]

  @property
  def prunable(self) -> List[ChannelGroup]:
    """The groups whose channels can go."""
    return [group for group in self.groups if group.reason is None]


def find(graph: tf.Graph, outputs: Sequence[tf.Tensor]) -> Channels:
  """Finds the channel groups of an inference graph.

  Args:
    graph: with variables, not frozen.
    outputs: what the model gives out.
  """
  needed = inference_graph.ancestors(outputs)
  variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
  trace = tracing.Trace(variables)
  # Layers that lead to no output are followed too: their variables are in the
  # checkpoint, and are built from what the others hand them.
  for op in graph.get_operations():
    if op in needed or op.type in table.RULES:
      table.apply(trace, op)
  for tensor in outputs:
    trace.fix_tensor(tensor, f'it is the output {tensor.name}')
  used = [variable for variable in variables if variable.op in needed]
  names = {variable.op.name for variable in used}
  return Channels(
    [_if_used(group, names) for group in _groups(trace)],
    {v.op.name: tuple(v.shape.as_list()) for v in used},
    {
      name: [op.name for op in ops if op in needed]
      for name, ops in trace.uses.items()
      if name in names
    },
  )


def _if_used(group: ChannelGroup, names: set) -> ChannelGroup:
  if any(part.variable in names for part in group.slices if part.is_output):
    return group
  return group._replace(reason='no output depends on it')


def _groups(trace: tracing.Trace) -> List[ChannelGroup]:
  classes = trace.classes()
  slots = np.repeat(
    np.arange(len(trace.starts)),
    np.diff(np.append(trace.starts, trace.size)),
  )
  members = collections.defaultdict(list)
  for number, class_number in enumerate(classes.tolist()):
    members[class_number].append(number)
  reasons = {}
  for number, reason in trace.reasons.items():
    reasons.setdefault(int(classes[number]), reason)
  alike = collections.OrderedDict()
  for class_number in sorted(members):
    numbers = members[class_number]
    key = tuple(slots[numbers].tolist())
    if not trace.producers.isdisjoint(key):
      alike.setdefault((key, reasons.get(class_number)), []).append(numbers)
  links = _links(trace, classes)
  found = [
    _group(trace, slots, np.array(rows), reason, links)
    for (_, reason), rows in alike.items()
  ]
  return _with_own_names(found)


def _links(trace, classes) -> Dict[int, List[str]]:
  """Maps the number of a class to the ops that tie its members."""
  result = collections.defaultdict(list)
  for tie in trace.ties:
    label = f'{tie.op.name} ({tie.op.type})'
    for class_number in np.unique(classes[tie.left]).tolist():
      result[class_number].append(label)
  return result


def _group(trace, slots, rows, reason, links) -> ChannelGroup:
  parts = []
  columns = slots[rows[0]]
  for slot in sorted(set(columns.tolist())):
    numbers = rows[:, columns == slot]
    parts.append(
      Slice(
        trace.owners[slot],
        trace.axis_of[slot],
        numbers - trace.starts[slot],
        slot in trace.producers,
      )
    )
  makers = [part for part in parts if part.is_output]
  return ChannelGroup(
    kernels.layer_name(makers[0].variable),
    parts,
    list(collections.OrderedDict.fromkeys(links[int(rows.min())])),
    reason,
  )


def _with_own_names(found: List[ChannelGroup]) -> List[ChannelGroup]:
  """Tells groups apart that are parts of one layer; names are keys."""
  counts = collections.Counter(group.name for group in found)
  return [
    group._replace(name=f'{group.name} [{_outputs(group)}]')
    if counts[group.name] > 1
    else group
    for group in found
  ]


def _outputs(group: ChannelGroup) -> str:
  first = next(part for part in group.slices if part.is_output)
  return _span(first.indices)


def _span(indices: np.ndarray) -> str:
  flat = indices.reshape(-1)
  low, high = int(flat.min()), int(flat.max())
  if len(flat) == high - low + 1:
    return f'{low}..{high}'
  return f'{len(flat)} of {low}..{high}'
