"""What is trained, pruned and evaluated: the list behind every accuracy table.

An experiment starts from another one or from the checkpoint of its detector,
and is run once for each of its seeds, in the order of the list.
"""

from typing import List, Optional, Sequence

import scheduled
from kinds import (
  CHANNELS,
  DETECTORS,
  FASTER,
  MAGNITUDE,
  MASK,
  OTHER_SEEDS,
  RECIPE,
  RECONSTRUCT,
  SEEDS,
  SSD,
  Experiment,
)


def _continued(
  start: str,
  steps: int,
  detector: str = SSD,
  teacher: Optional[str] = 'dense',
  **changes,
) -> Experiment:
  """A model that keeps the zeros or the width of its start and retrains."""
  kind = 'distilled' if teacher else 'retrained'
  return Experiment(
    f'{start}_{kind}',
    detector,
    start=start,
    steps=steps,
    rate=0.5,
    # All kernels have masks; without a target these stay as they are.
    pruning='include: ""',
    teacher=teacher,
    **changes,
  )


def _untrained(
  way: str,
  sparsity: float,
  detector: str = SSD,
  seeds: Sequence[int] = (1,),
  start: str = 'dense',
  **request,
) -> Experiment:
  """A model pruned at once; from the control, one that trained as long.

  Begun from a model without some channels, it lacks these and has zeros
  besides.
  """
  # The share of channels that went before is no share of weights.
  name = way if start == 'dense' else f'{start.split("_")[0]}_{way}'
  if 'target' in request:
    name += f'_{request["target"]}'
  if 'granularity' in request:
    name += '_n_of_m' if ':' in request['granularity'] else '_blocks'
  elif 'allocation' in request:
    name += f'_{request["allocation"]}'
  return Experiment(
    f'{name}_{sparsity:g}',
    detector,
    way=way,
    start=start,
    request=dict(request, sparsity=sparsity),
    seeds=seeds,
  )


def _channels(
  share: float,
  reconstructed: bool = True,
  detector: str = SSD,
  target: str = 'params',
  seeds: Sequence[int] = (1,),
) -> Experiment:
  """A model without that share of its parameters or multiply-adds.

  Whole channels go.
  """
  flags = {f'target_{target}': round(1 - share, 3)}
  if reconstructed:
    flags.update(importance='reconstruction', global_ranking=True)
  name = 'channels' if reconstructed else 'channels_l1'
  if target != 'params':
    name += f'_{target}'
  return Experiment(
    f'{name}_{share:g}',
    detector,
    way=CHANNELS,
    start='dense',
    request=flags,
    seeds=seeds,
  )


def experiments() -> List[Experiment]:
  """Gives the list, the most telling ones of each detector first."""
  return _of_ssd() + _of_two_stages(FASTER) + _of_two_stages(MASK)


def _of_two_stages(detector: str) -> List[Experiment]:
  steps = DETECTORS[detector].dense
  found = [Experiment('dense', detector, way=RECIPE, steps=steps)]
  for sparsity in (0.85, 0.75, 0.9):
    found.append(_untrained(RECONSTRUCT, sparsity, detector))
  found.append(_channels(0.4, detector=detector))
  found.append(_channels(0.4, detector=detector, target='macs'))
  steps = DETECTORS[detector].retrained
  found.append(
    Experiment('control', detector, start='dense', steps=steps, rate=0.5)
  )
  found.append(_untrained(RECONSTRUCT, 0.85, detector, start='control'))
  found.append(_continued('reconstruct_0.85', steps, detector))
  found.append(_continued('reconstruct_0.85', steps, detector, teacher=None))
  found.append(_untrained(MAGNITUDE, 0.85, detector))
  return [each._replace(seeds=DETECTORS[detector].seeds) for each in found]


def _of_ssd() -> List[Experiment]:
  steps = DETECTORS[SSD].retrained
  found = [
    Experiment('dense', SSD, steps=DETECTORS[SSD].dense, seeds=SEEDS),
    Experiment(
      'control', SSD, start='dense', steps=steps, rate=0.5, seeds=SEEDS
    ),
  ]
  for sparsity in (0.9, 0.8, 0.95):
    found.append(_untrained(RECONSTRUCT, sparsity, seeds=SEEDS))
  found += [_channels(share, seeds=SEEDS) for share in (0.4, 0.6)]
  levels = (0.85, 0.7, 0.75, 0.5)
  found += [_untrained(RECONSTRUCT, sparsity) for sparsity in levels]
  levels = (0.9, 0.8, 0.95) + levels
  found += [_untrained(MAGNITUDE, sparsity) for sparsity in levels]
  found += [
    _untrained(RECONSTRUCT, share, target='latency', seeds=seeds)
    for share, seeds in ((0.6, (1, *OTHER_SEEDS)), (0.7, (1,)))
  ]
  found += [
    _continued('reconstruct_0.9', steps, teacher=teacher, seeds=OTHER_SEEDS)
    for teacher in ('dense', None)
  ]
  found.append(_untrained(RECONSTRUCT, 0.9, seeds=OTHER_SEEDS, start='control'))
  found += scheduled.experiments() + _compared(steps)
  return found + scheduled.divided() + _combined(steps)


def _compared(steps: int) -> List[Experiment]:
  """More ways, all of them from the dense model of one seed."""
  one = {'seeds': OTHER_SEEDS}
  found = [_channels(share, target='macs', **one) for share in (0.5, 0.3)]
  found += [_channels(share, **one) for share in (0.8, 0.2)]
  found.append(_channels(0.4, reconstructed=False, **one))
  found += [
    _untrained(RECONSTRUCT, share, target='macs', **one) for share in (0.8, 0.7)
  ]
  found.append(_untrained(RECONSTRUCT, 0.5, target='latency', **one))
  # One vector of outputs.
  found += [
    _untrained(RECONSTRUCT, level, granularity='1x16', **one)
    for level in (0.75, 0.9)
  ]
  return found + [
    _continued(f'reconstruct_{level}', steps, **one) for level in (0.95, 0.8)
  ]


def _combined(steps: int) -> List[Experiment]:
  """Other divisions of zeros, pairs of them, and channels that retrain."""
  one = {'seeds': OTHER_SEEDS}
  found = [
    _untrained(RECONSTRUCT, level, allocation=way, **one)
    for level in (0.85, 0.9)
    for way in ('equal_error', 'uniform')
  ]
  # A pattern that sets the sparsity of each layer leaves nothing to divide.
  pattern = {'granularity': '2:4', 'allocation': 'uniform'}
  found.append(_untrained(RECONSTRUCT, 0.5, **pattern, **one))
  found.append(_untrained(RECONSTRUCT, 0.8, start='channels_0.4', **one))
  return found + [
    _continued(f'channels_{share}', steps, teacher=teacher, **one)
    for share in (0.4, 0.6)
    for teacher in ('dense', None)
  ]


def find(detector: str, name: str) -> Experiment:
  """Gives the experiment of a name; there is always one."""
  return next(
    each
    for each in experiments()
    if (each.detector, each.name) == (detector, name)
  )
