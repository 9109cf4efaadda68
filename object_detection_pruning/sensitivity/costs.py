"""What is left of a network's size and work when parts of it go.

The size of a variable is a product over its axes, each less by the channels
that went. Variables whose axes are alike are one term.
"""

from typing import Dict, List, NamedTuple, Sequence, Tuple

from object_detection_pruning.channels import plan as plans
from object_detection_pruning.channels import pruning
from object_detection_pruning.sensitivity import prunables as prunables_lib


class Axis(NamedTuple):
  """An axis that gets shorter.

  Attributes:
    size: its whole length.
    times: how much shorter it gets, for each prunable, when one channel or
      weight of it goes.
  """

  size: int
  times: Tuple[Tuple[str, int], ...]


class Term(NamedTuple):
  """Variables whose axes are alike.

  Attributes:
    params: how many there are.
    macs: how often an image is multiplied by them, in sum.
    axes: of each.
  """

  params: int
  macs: int
  axes: Tuple[Axis, ...]


class Costs(NamedTuple):
  """The cost of a network, as a sum of terms."""

  terms: Sequence[Term]

  def left(self, removed: Dict[str, int]) -> plans.Cost:
    """Gives the cost of what is left.

    Args:
      removed: how many channels or weights go, by prunable; numbers, or arrays
        of one shape for as many costs at a time.
    """
    params = macs = 0
    for term in self.terms:
      size = 1
      for axis in term.axes:
        size *= axis.size - sum(
          times * removed.get(name, 0) for name, times in axis.times
        )
      params += term.params * size
      macs += term.macs * size
    return plans.Cost(params, macs)

  def of(self, name: str) -> 'Costs':
    """Gives the terms that a prunable has a part in."""
    return Costs(
      [
        term
        for term in self.terms
        if any(name == owner for axis in term.axes for owner, _ in axis.times)
      ]
    )

  def to_json(self) -> List[list]:
    """Gives the terms in plain lists."""
    return [
      [
        term.params,
        term.macs,
        [[axis.size, dict(axis.times)] for axis in term.axes],
      ]
      for term in self.terms
    ]


def from_json(content: Sequence) -> Costs:
  """Reads what `to_json` gave."""
  return Costs(
    [
      Term(
        int(params),
        int(macs),
        tuple(
          Axis(int(size), tuple(sorted(times.items()))) for size, times in axes
        ),
      )
      for params, macs, axes in content
    ]
  )


def of_filters(network: pruning.Network) -> Costs:
  """Gives the costs of a network that loses channels."""
  times: Dict[Tuple[str, int], Dict[str, int]] = {}
  for group in network.channels.prunable:
    for part in group.slices:
      found = times.setdefault((part.variable, part.axis), {})
      found[group.name] = found.get(group.name, 0) + part.indices.shape[1]
  return _sum(
    (
      1,
      network.positions.get(name, 0),
      tuple(
        Axis(size, tuple(sorted(times.get((name, axis), {}).items())))
        for axis, size in enumerate(shape)
      ),
    )
    for name, shape in network.channels.shapes.items()
  )


def of_weights(
  network: pruning.Network, prunables: Sequence[prunables_lib.Prunable]
) -> Costs:
  """Gives the costs of a network that loses single weights.

  What is left are the weights that are not zero, and the products with them.
  """
  owner = {
    name: prunable for prunable in prunables for name in prunable.variables
  }
  entries = []
  for name, shape in network.channels.shapes.items():
    size = 1
    for length in shape:
      size *= length
    prunable = owner.get(name)
    axis = Axis(size, ())
    if prunable is not None:
      # Of several kernels in a layer each loses its part.
      axis = Axis(prunable.size, ((prunable.name, 1),))
    share = size / axis.size
    entries.append((share, network.positions.get(name, 0) * share, (axis,)))
  return _sum(entries)


def _sum(entries) -> Costs:
  found: Dict[tuple, List[float]] = {}
  for params, macs, axes in entries:
    total = found.setdefault(axes, [0, 0])
    total[0] += params
    total[1] += macs
  return Costs(
    [
      Term(int(round(params)), int(round(macs)), axes)
      for axes, (params, macs) in found.items()
    ]
  )
