"""Who gets which sparsity: one schedule for each masked layer."""

from typing import List, NamedTuple, Sequence

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import layer_patterns, schedules


class LayerSparsity(NamedTuple):
  """A target sparsity of its own for the layers that a pattern is found in."""

  layer: str
  target_sparsity: float


def check(layer_sparsities: Sequence[LayerSparsity]) -> None:
  """Raises `InputError` for a broken pattern or a sparsity out of range."""
  layer_patterns.check(
    'layer_sparsity.layer', [entry.layer for entry in layer_sparsities]
  )
  for entry in layer_sparsities:
    checks.sparsity(f'layer_sparsity of {entry.layer!r}', entry.target_sparsity)


def allocate(
  schedule: schedules.Schedule,
  layers: Sequence[str],
  layer_sparsities: Sequence[LayerSparsity] = (),
) -> List[schedules.Schedule]:
  """Gives each layer its schedule; of several patterns the first one counts.

  Args:
    schedule: that of all layers without an entry.
    layers: names of the masked layers.
    layer_sparsities: targets that differ from the schedule's.

  Returns:
    A schedule for each layer, in their order.

  Raises:
    InputError: an entry that no masked layer answers to.
  """
  check(layer_sparsities)
  idle = layer_patterns.unmatched(
    [entry.layer for entry in layer_sparsities], layers
  )
  if idle:
    raise errors.InputError(
      f'layer_sparsity {idle[0]!r} is found in no masked layer; '
      f'masked are: {layer_patterns.listed(layers)}'
    )
  return [_schedule_of(layer, schedule, layer_sparsities) for layer in layers]


def _schedule_of(layer, schedule, layer_sparsities):
  for entry in layer_sparsities:
    if layer_patterns.found([entry.layer], layer):
      return schedule.with_target(entry.target_sparsity)
  return schedule
