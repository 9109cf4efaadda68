"""From what was measured to a plan of the channels that go."""

from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.channels import importance, pruning
from object_detection_pruning.channels import plan as plans
from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.common import errors
from object_detection_pruning.export import stripping
from object_detection_pruning.sensitivity import (
  fingerprints,
  results,
  selection,
  targets,
)


class Wish(NamedTuple):
  """What is to go; one of `metric_loss` and `measure` is set.

  Attributes:
    metric_loss: most that each group alone may lose, as a share of the metric.
    measure: `params` or `macs`, of which `target` is to be left.
    target: in (0, 1).
    bounds: what must stay of each group.
    include: patterns of layers.
    exclude: patterns of layers.
  """

  metric_loss: Optional[float] = None
  measure: Optional[str] = None
  target: Optional[float] = None
  bounds: channel_selection.Bounds = channel_selection.Bounds()
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()


WISHES = ('eval_metric_loss', 'target_macs', 'target_params')


def wish(given: Dict[str, float], **more) -> Wish:
  """Gives the wish that flags describe.

  Args:
    given: one of `WISHES` and its value.
    **more: other fields of the wish.

  Raises:
    InputError: there is not just one, or it is out of range.
  """
  if len(given) != 1:
    raise errors.InputError(
      'give one of --eval_metric_loss, --target_macs and --target_params, got '
      f'{len(given)}'
    )
  ((name, value),) = given.items()
  if name != 'eval_metric_loss':
    channel_selection.check_fraction(f'--{name}', value)
    return Wish(measure=name.rpartition('_')[2], target=value, **more)
  if not value >= 0:
    raise errors.InputError(f'--{name} must be 0 or more, got {value}')
  return Wish(metric_loss=value, **more)


def choose(
  found: results.Results,
  wish: Wish,
  names: Optional[Sequence[str]] = None,
) -> selection.Choice:
  """Chooses how much of each layer goes.

  Args:
    found: what was measured.
    wish: what is to go.
    names: of the layers that may lose something; None for all measured.
  """
  chooser = selection.Chooser(found, wish.bounds, names)
  if wish.measure:
    return chooser.by_cost(wish.measure, wish.target)
  return chooser.by_loss(wish.metric_loss)


def make_plan(
  network: pruning.Network,
  tensors: Dict[str, np.ndarray],
  found: results.Results,
  wish: Wish,
  path: str,
) -> plans.Plan:
  """Selects the channels that go, the very ones whose loss was measured.

  Args:
    network: from `channels.pruning.analyze`.
    tensors: the checkpoint by name.
    found: what was measured of it.
    wish: what is to go.
    path: of the file that `found` was read from, for the error.

  Raises:
    InputError: it was measured on another model or checkpoint, or of single
      weights, or the wish cannot be met.
  """
  if found.setup.granularity != targets.FILTER:
    raise errors.InputError(
      f'{path} was measured on single weights: channels need '
      f'--granularity={targets.FILTER}'
    )
  stripped = stripping.strip(tensors).tensors
  found.setup.check_same(
    found.setup._replace(
      model=fingerprints.of_model(network.config),
      checkpoint=fingerprints.of_checkpoint(network, stripped),
    ),
    path,
  )
  groups = {
    group.name: group
    for group in channel_selection.candidates(
      network.channels, wish.include, wish.exclude
    )
  }
  choice = choose(found, wish, list(groups))
  removed = {}
  for name, number in choice.removed.items():
    scores = importance.scores(found.setup.importance, groups[name], stripped)
    order = np.argsort(scores, kind='stable')
    removed[name] = np.sort(order[:number])
  if not any(len(gone) for gone in removed.values()):
    raise errors.InputError(
      'the plan removes nothing: raise the bound, or measure smaller ratios'
    )
  return network.plan(removed).check()
