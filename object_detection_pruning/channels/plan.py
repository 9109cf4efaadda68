"""What is kept of each channel group, and what that saves."""

import json
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

import numpy as np

from object_detection_pruning.channels import groups
from object_detection_pruning.common import atomic_files, errors
from object_detection_pruning.core import kernels, widths

FILE_NAME = 'plan.json'
# Indices that go by variable and axis, in that file.
REMOVED = 'removed'


class Cost(NamedTuple):
  """Size and work of a network.

  Attributes:
    params: values of all variables that detection reads.
    macs: multiply-adds of convolutions and matrix products for one image.
  """

  params: int
  macs: int


class Plan(NamedTuple):
  """Which channels go.

  Attributes:
    channels: of the network before.
    positions: at how many positions of one image each kernel is applied.
    removed: for each group by name, sorted indices of the channels that go.
  """

  channels: groups.Channels
  positions: Dict[str, int]
  removed: Dict[str, np.ndarray]

  def check(self) -> 'Plan':
    """Returns itself, or raises `InputError` if a group would be empty."""
    for group in self.channels.groups:
      gone = self.removed.get(group.name, ())
      if len(gone) and group.reason:
        raise errors.InputError(
          f'no channel of {group.name} can go: {group.reason}'
        )
      if len(gone) >= group.size:
        raise errors.InputError(
          f'the plan would empty {group.name} ({group.size} channels): lower '
          'the ratio or set min_channels'
        )
    return self

  def check_removes(self) -> 'Plan':
    """Returns itself, or raises `InputError` if nothing goes or all does."""
    if not any(len(gone) for gone in self.removed.values()):
      raise errors.InputError(
        'the plan removes nothing: raise the ratio, or lower round_to and '
        'min_channels'
      )
    return self.check()

  def gone(self) -> Dict[str, Dict[int, np.ndarray]]:
    """Gives the indices that go, by variable and axis."""
    result: Dict[str, Dict[int, Set[int]]] = {}
    for group in self.channels.groups:
      channels = self.removed.get(group.name, ())
      if not len(channels):
        continue
      for part in group.slices:
        axes = result.setdefault(part.variable, {})
        indices = part.indices[channels].reshape(-1).tolist()
        axes.setdefault(part.axis, set()).update(indices)
    return {
      name: {axis: np.array(sorted(found)) for axis, found in axes.items()}
      for name, axes in result.items()
    }

  def shapes(self) -> Dict[str, Tuple[int, ...]]:
    """Gives the shapes of the variables that are left."""
    gone = self.gone()
    return {
      name: tuple(
        size - len(gone.get(name, {}).get(axis, ()))
        for axis, size in enumerate(shape)
      )
      for name, shape in self.channels.shapes.items()
    }

  def cost(self) -> Cost:
    """Gives size and work of what is left."""
    return _cost(self.shapes(), self.positions)

  def dense_cost(self) -> Cost:
    """Gives size and work of the network before."""
    return _cost(self.channels.shapes, self.positions)

  def layer_widths(
    self, before: Sequence[widths.LayerWidth] = ()
  ) -> List[widths.LayerWidth]:
    """Lists the width of every layer; nothing where all is as in the code.

    Those that keep their channels are listed too, since code may ask for a
    width that depends on a narrower neighbour's.

    Args:
      before: widths of the network that the plan is for, if it is narrow.
    """
    gone = self.gone()
    if not gone:
      return list(before)
    result = {width.layer: width for width in before}
    for group in self.channels.groups:
      for part in group.slices:
        shape = self.channels.shapes.get(part.variable)
        if not part.is_output or shape is None:
          continue
        # Of another name, the code makes it as wide as before.
        if not kernels.kind_of(part.variable, len(shape)):
          continue
        layer = kernels.layer_name(part.variable)
        now = shape[part.axis]
        lost = gone.get(part.variable, {}).get(part.axis, ())
        dense = result[layer].dense_filters if layer in result else now
        result[layer] = widths.LayerWidth(layer, now - len(lost), dense)
    return [result[layer] for layer in sorted(result)]

  def __str__(self) -> str:
    rows = [('group', 'channels', 'kept', 'layers')]
    for group in self.channels.prunable:
      kept = group.size - len(self.removed.get(group.name, ()))
      rows.append((group.name, group.size, kept, len(group.layers)))
    width = max(len(row[0]) for row in rows)
    lines = [f'{r[0]:<{width}}  {r[1]:>8}  {r[2]:>6}  {r[3]:>6}' for r in rows]
    staying = [group for group in self.channels.groups if group.reason]
    if staying:
      first = staying[0]
      lines.append(
        f'{len(staying)} of {len(self.channels.groups)} groups stay, such as '
        f'{first.name}: {first.reason} (--print_groups and plan.json have all '
        'reasons)'
      )
    before, after = self.dense_cost(), self.cost()
    costs = [('parameters', before.params / 1e6, after.params / 1e6, 'M')]
    if self.positions:
      costs.append(('MACs', before.macs / 1e9, after.macs / 1e9, 'G'))
    for name, old, new, unit in costs:
      share = new / old if old else 1.0
      lines.append(
        f'{name}: {old:.3f} {unit} -> {new:.3f} {unit} ({share:.1%} left)'
      )
    return '\n'.join(lines)

  def write_json(self, path: str) -> None:
    """Writes the plan: for each group what it was and what is kept."""
    entries = []
    for group in self.channels.groups:
      gone = self.removed.get(group.name, np.array([], np.int64))
      entries.append(
        {
          'group': group.name,
          'layers': group.layers,
          'channels': group.size,
          'kept': np.setdiff1d(np.arange(group.size), gone).tolist(),
          'not_prunable': group.reason,
        }
      )
    content = {
      'before': self.dense_cost()._asdict(),
      'after': self.cost()._asdict(),
      'groups': entries,
      REMOVED: {
        name: {axis: gone.tolist() for axis, gone in axes.items()}
        for name, axes in self.gone().items()
      },
    }
    atomic_files.write(path, json.dumps(content, indent=1))


def _cost(shapes: Dict[str, Tuple[int, ...]], positions) -> Cost:
  sizes = {
    name: int(np.prod(shape, dtype=np.int64)) for name, shape in shapes.items()
  }
  return Cost(
    sum(sizes.values()),
    sum(sizes[name] * count for name, count in positions.items()),
  )
