"""Experiments that prune the dense SSD while they train it.

Each starts from the dense model of its seed and trains for as long as the
control of that seed.
"""

from typing import Dict, List

from kinds import DETECTORS, OTHER_SEEDS, SENSITIVITY, SSD, Experiment

_STEPS = DETECTORS[SSD].retrained
_ERK = 'allocation: "erdos_renyi_kernel"'
# Ways to prune while training, as text of the `pruning` message. Scores that
# training gathers need some steps before the first update.
_SCHEDULED = {
  'magnitude': '',
  'random': 'criterion: "random"',
  'taylor': 'criterion: "taylor"',
  'movement': 'criterion: "movement"',
  'magnitude_erk': _ERK,
  'soft': f'{_ERK} regrowth: "soft"',
  'movement_erk': f'criterion: "movement" {_ERK}',
}
# Ways to divide zeros among layers, by magnitude and with a schedule.
_GLOBAL = {'global': 'allocation: "global"'}
_DIVIDED = {'magnitude_erk': _ERK, **_GLOBAL}
_DIVIDED_SPARSITY = 0.85
# Of layers pruned alone; the total lies above most of the usual ones.
_RATIOS = '0.3,0.5,0.7,0.8,0.9,0.95,0.99'
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


def _retrained(name: str, pruning: str, **changes) -> Experiment:
  """A model that a schedule prunes, unless the changes say otherwise."""
  settings = {'start': 'dense', 'rate': 0.5, 'window': (0.1, 0.75)}
  settings.update(changes)
  return Experiment(
    name, SSD, steps=_STEPS, pruning=pruning, seeds=OTHER_SEEDS, **settings
  )


def _policies(ways: Dict[str, str], sparsity: float) -> List[Experiment]:
  return [
    _retrained(
      f'policy_{name}_{sparsity:g}', f'target_sparsity: {sparsity} {text}'
    )
    for name, text in ways.items()
  ]


def _moving(sparsity: float) -> List[Experiment]:
  """Ways that have all zeros from the first step on."""
  return [
    _retrained(
      f'policy_{name}_{sparsity:g}',
      f'target_sparsity: {sparsity} criterion: "random" schedule: CONSTANT '
      f'{_ERK} {text}',
      window=(0.0, 0.75),
    )
    for name, text in _SPARSE_TRAINING.items()
  ]


def _by_sensitivity(sparsity: float) -> Experiment:
  """A schedule whose zeros are divided by what each layer loses alone."""
  return _retrained(
    f'policy_sensitivity_{sparsity:g}',
    f'target_sparsity: {sparsity}',
    way=SENSITIVITY,
    request={'sparsity': sparsity, 'ratios': _RATIOS},
  )


def divided(sparsity: float = 0.9) -> List[Experiment]:
  """Gives ways to divide zeros among layers.

  Args:
    sparsity: of what `experiments` does not have yet.
  """
  found = _policies(_DIVIDED, _DIVIDED_SPARSITY) + _policies(_GLOBAL, sparsity)
  return found + [_by_sensitivity(_DIVIDED_SPARSITY)]


def experiments(sparsity: float = 0.9) -> List[Experiment]:
  """Gives the list.

  Args:
    sparsity: of all but patterns of masks, which have one that all can have.
  """
  erk = f'target_sparsity: {sparsity} {_ERK}'
  found = _policies(_SCHEDULED, sparsity) + _moving(sparsity)
  found.append(
    _retrained(
      f'policy_rewound_{sparsity:g}',
      '',
      start=f'policy_magnitude_{sparsity:g}',
      rewind='dense',
    )
  )
  found += _policies(_PATTERNS, 0.75)
  found.append(_retrained(f'distilled_{sparsity:g}', erk, teacher='dense'))
  found += [
    _retrained(f'around_{name}_{sparsity:g}', erk, **changes)
    for name, changes in _AROUND.items()
  ]
  return found
