"""What is trained, pruned and evaluated: the list behind every accuracy table.

An experiment starts from another one or from the checkpoint of its detector,
and is run once for each of its seeds, in the order of the list.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

# Ways to make a model.
TRAIN = 'train'
RECIPE = 'recipe'
RECONSTRUCT = 'reconstruct'
MAGNITUDE = 'magnitude'
CHANNELS = 'channels'


class Experiment(NamedTuple):
  """A model to make and evaluate.

  Attributes:
    name: of it, within its detector.
    detector: one of `DETECTORS`.
    way: TRAIN; RECIPE, what train_detector.py makes of the detector's config;
      RECONSTRUCT, from training images without their labels;
      MAGNITUDE, the smallest weights set to zero and nothing else; or CHANNELS,
      whole channels removed by prune_channels.
    start: name of the experiment to start from; None for the checkpoint of the
      detector, or random weights where it has none.
    steps: of training, or of refinement after reconstruction.
    rate: factor on the learning rate of the detector's config.
    pruning: text of the `pruning` message; a schedule runs within `window`, and
      without a target masks stay. None for a dense model.
    window: shares of the steps after which the first and the last mask update
      come.
    rewind: name of the experiment whose weights come under the masks of the
      start; None for none.
    teacher: name of the experiment to distill from; None without distillation.
    changes: text of a pipeline config, of what it changes in the detector's.
    clears_momentum: whether the momentum of masked weights is set to zero after
      each step.
    request: settings of a reconstruction, as `reconstruction.Request` has them,
      or flags of prune_channels.
    seeds: one run for each.
  """

  name: str
  detector: str
  way: str = TRAIN
  start: Optional[str] = None
  steps: int = 0
  rate: float = 1.0
  pruning: Optional[str] = None
  window: Tuple[float, float] = (0.0, 0.5)
  rewind: Optional[str] = None
  teacher: Optional[str] = None
  changes: str = ''
  clears_momentum: bool = False
  request: Optional[Dict[str, object]] = None
  seeds: Sequence[int] = (1,)


class Detector(NamedTuple):
  """A detector and its data.

  Attributes:
    config: file below benchmarks/, a masked or stock pipeline config.
    data: folder of records below the one given on the command line.
    checkpoint: below ODP_DATA, to start the dense model from; None for none.
    dense: training steps of the dense model.
    retrained: training steps of every model that starts from it.
    eval_config: file below benchmarks/ of what evaluation and export change in
      the config; None for nothing.
  """

  config: str
  data: str
  checkpoint: Optional[str]
  dense: int
  retrained: int
  eval_config: Optional[str] = None


SSD = 'ssd_mobilenet_v1_0.75_bccd'
FASTER = 'faster_rcnn_inception_v2_bccd'
MASK = 'mask_rcnn_inception_v2_nuclei'
DETECTORS = {
  SSD: Detector(
    'configs/ssd_masked_mobilenet_v1_bccd.config',
    'bccd',
    'ssd_mobilenet_v1_0.75_coco/model.ckpt',
    600,
    1000,
  ),
  FASTER: Detector(
    'accuracy/configs/faster_rcnn_inception_v2_bccd.config',
    'bccd',
    None,
    3000,
    1000,
  ),
  MASK: Detector(
    'accuracy/configs/mask_rcnn_inception_v2_nuclei.config',
    'nuclei',
    None,
    3000,
    1000,
    'accuracy/configs/mask_rcnn_inception_v2_nuclei_eval.config',
  ),
}

_ERK = 'allocation: "erdos_renyi_kernel"'
# Means over the first three are what targets are for. What is compared with
# each other has a dense model and a control of its own.
_TARGET_SEEDS = (1, 2, 3)
_OTHER_SEEDS = (4,)
_SEEDS = _TARGET_SEEDS + _OTHER_SEEDS
# Ways to prune while training, as text of the `pruning` message. Scores that
# training gathers need some steps before the first update.
_SCHEDULED = {
  'magnitude': '',
  'random': 'criterion: "random"',
  'taylor': 'criterion: "taylor"',
  'movement': 'criterion: "movement"',
  'magnitude_erk': _ERK,
}
# Patterns of masks, with a schedule and by magnitude.
_PATTERNS = {
  'weights': '',
  'n_of_m': 'granularity: "1:4"',
  'blocks': 'granularity: "4x4"',
  'filter': 'granularity: "filter"',
}
# What training around the pruning of `magnitude_erk` may do in another way.
_RATE = 'momentum_optimizer { learning_rate { %s } }'
_HYPERPARAMS = """model { ssd {
  feature_extractor { conv_hyperparams { %(text)s } }
  box_predictor { convolutional_box_predictor { conv_hyperparams {
    %(text)s
  } } }
} }"""
_AROUND = {
  'rate_doubled': {'rate': 1.0},
  'rate_halved': {'rate': 0.25},
  'rate_constant': {
    'changes': 'train_config { optimizer { %s } }'
    % (_RATE % 'constant_learning_rate { learning_rate: 0.008 }')
  },
  'rate_held': {
    'changes': 'train_config { optimizer { %s } }'
    % (_RATE % 'cosine_decay_learning_rate { hold_base_rate_steps: 650 }')
  },
  'no_decay': {
    'changes': _HYPERPARAMS
    % {'text': 'regularizer { l2_regularizer { weight: 0 } }'}
  },
  'slow_batch_norm': {
    'changes': _HYPERPARAMS % {'text': 'batch_norm { decay: 0.9997 }'}
  },
  'average': {
    'changes': """train_config { optimizer {
      use_moving_average: true moving_average_decay: 0.99
    } }"""
  },
  'momentum_cleared': {'clears_momentum': True},
  'window_early': {'window': (0.0, 0.5)},
  'window_late': {'window': (0.3, 0.95)},
}
# Ways that have all their zeros from the first step on.
_SPARSE_TRAINING = {
  'static_erk': '',
  'set': 'regrowth: "set" frequency: 50',
  'rigl': 'regrowth: "rigl" frequency: 50',
}


def _continued(
  sparsity: float, steps: int, detector: str = SSD, **changes
) -> Experiment:
  """A model that keeps the zeros of a reconstructed one while it retrains."""
  return Experiment(
    f'reconstruct_{sparsity:g}_distilled',
    detector,
    start=f'reconstruct_{sparsity:g}',
    steps=steps,
    rate=0.5,
    # All kernels have masks; without a target these stay as they are.
    pruning='include: ""',
    teacher='dense',
    **changes,
  )


def _untrained(
  way: str,
  sparsity: float,
  detector: str = SSD,
  seeds: Sequence[int] = (1,),
  **request,
) -> Experiment:
  name = f'{way}_{request["target"]}' if 'target' in request else way
  return Experiment(
    f'{name}_{sparsity:g}',
    detector,
    way=way,
    start='dense',
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
  found.append(_continued(0.85, steps, detector))
  found.append(_untrained(MAGNITUDE, 0.85, detector))
  return found


def _of_ssd() -> List[Experiment]:
  steps = DETECTORS[SSD].retrained
  found = [
    Experiment('dense', SSD, steps=DETECTORS[SSD].dense, seeds=_SEEDS),
    Experiment(
      'control', SSD, start='dense', steps=steps, rate=0.5, seeds=_SEEDS
    ),
  ]
  for sparsity in (0.9, 0.8, 0.95):
    found.append(_untrained(RECONSTRUCT, sparsity, seeds=_SEEDS))
  found += [_channels(share, seeds=_TARGET_SEEDS) for share in (0.4, 0.6)]
  levels = (0.85, 0.7, 0.75, 0.5)
  found += [_untrained(RECONSTRUCT, sparsity) for sparsity in levels]
  levels = (0.9, 0.8, 0.95) + levels
  found += [_untrained(MAGNITUDE, sparsity) for sparsity in levels]
  found += [
    _untrained(RECONSTRUCT, share, target='latency') for share in (0.6, 0.7)
  ]
  found += _policies(0.9, steps) + _patterns(0.75, steps)
  return found + _compared(steps) + _around(0.9, steps)


def _compared(steps: int) -> List[Experiment]:
  """More ways, all of them from one dense model."""
  one = {'seeds': _OTHER_SEEDS}
  found = [
    _continued(0.9, steps),
    Experiment(
      'distilled_0.9',
      SSD,
      start='dense',
      steps=steps,
      rate=0.5,
      pruning=f'target_sparsity: 0.9 {_ERK}',
      # As the row without a teacher has it.
      window=(0.1, 0.75),
      teacher='dense',
      **one,
    ),
  ]
  found += [_channels(share, target='macs', **one) for share in (0.5, 0.3)]
  found += [_channels(share, **one) for share in (0.8, 0.2)]
  found.append(_channels(0.4, reconstructed=False, **one))
  found += [
    _untrained(RECONSTRUCT, share, target='macs', **one) for share in (0.8, 0.7)
  ]
  found.append(_untrained(RECONSTRUCT, 0.5, target='latency', **one))
  return found + [_continued(level, steps, **one) for level in (0.95, 0.8)]


def _policy(name: str, pruning: str, steps: int, **changes) -> Experiment:
  """A way to prune while training, for as many steps as the others."""
  return Experiment(
    f'policy_{name}',
    SSD,
    steps=steps,
    rate=0.5,
    pruning=pruning,
    seeds=_OTHER_SEEDS,
    **changes,
  )


def _scheduled(
  ways: Dict[str, str], sparsity: float, steps: int
) -> List[Experiment]:
  """Ways that a schedule raises the sparsity of."""
  return [
    _policy(
      f'{name}_{sparsity:g}',
      f'target_sparsity: {sparsity} {text}',
      steps,
      start='dense',
      window=(0.1, 0.75),
    )
    for name, text in ways.items()
  ]


def _policies(sparsity: float, steps: int) -> List[Experiment]:
  """Criteria, masks that move, and rewinding."""
  found = _scheduled(_SCHEDULED, sparsity, steps)
  found += [
    _policy(
      f'{name}_{sparsity:g}',
      f'target_sparsity: {sparsity} criterion: "random" schedule: CONSTANT '
      f'{_ERK} {text}',
      steps,
      start='dense',
      window=(0.0, 0.75),
    )
    for name, text in _SPARSE_TRAINING.items()
  ]
  found.append(
    _policy(
      f'rewound_{sparsity:g}',
      '',
      steps,
      start=f'policy_magnitude_{sparsity:g}',
      rewind='dense',
    )
  )
  return found


def _around(sparsity: float, steps: int) -> List[Experiment]:
  """What training around pruning does, one thing changed in each."""
  base = {'start': 'dense', 'window': (0.1, 0.75), 'rate': 0.5}
  return [
    Experiment(
      f'around_{name}_{sparsity:g}',
      SSD,
      steps=steps,
      pruning=f'target_sparsity: {sparsity} {_ERK}',
      seeds=_OTHER_SEEDS,
      **dict(base, **changes),
    )
    for name, changes in _AROUND.items()
  ]


def _patterns(sparsity: float, steps: int) -> List[Experiment]:
  """Patterns of masks at a sparsity that all of them can have."""
  return _scheduled(_PATTERNS, sparsity, steps)


def find(detector: str, name: str) -> Experiment:
  """Gives the experiment of a name; there is always one."""
  return next(
    each
    for each in experiments()
    if (each.detector, each.name) == (detector, name)
  )
