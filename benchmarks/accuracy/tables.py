"""What the accuracy tables say of rows of results.csv."""

from typing import Dict, List, Sequence

import numpy as np

TITLES = {
  'dense': 'dense',
  'control': 'control: dense, retrained',
  'magnitude': 'weights, smallest ones cut, untrained',
  'reconstruct': 'weights, `prune_weights`, untrained',
  'reconstruct_macs': '`prune_weights --target=macs`, untrained',
  'reconstruct_latency': '`prune_weights --target=latency`, untrained',
  'reconstruct_blocks': '`prune_weights --granularity=1x16`, untrained',
  'reconstruct_n_of_m': '`prune_weights --granularity=2:4`, untrained',
  'reconstruct_equal_error': '`prune_weights`, equal errors, untrained',
  'reconstruct_uniform': '`prune_weights`, the same share, untrained',
  'control_reconstruct': 'control, then `prune_weights`',
  'reconstruct_distilled': '`prune_weights`, then distilled',
  'reconstruct_retrained': '`prune_weights`, then retrained without a teacher',
  'distilled': 'weights, schedule and distillation',
  'channels_l1': 'channels, smallest L1 norm, untrained',
  'channels': 'channels, `--importance=reconstruction`, untrained',
  'channels_macs': 'channels by multiply-adds, else the same, untrained',
  'channels_reconstruct': '40 % of channels, then `prune_weights`',
  'channels_distilled': 'channels, then distilled',
  'channels_retrained': 'channels, then retrained without a teacher',
  'policy_magnitude': 'schedule, `--criterion=magnitude`',
  'policy_taylor': 'schedule, `--criterion=taylor`',
  'policy_movement': 'schedule, `--criterion=movement`',
  'policy_random': 'schedule, `--criterion=random`',
  'policy_magnitude_erk': 'schedule, magnitude, Erdos-Renyi-kernel',
  'policy_soft': 'the same, and `--regrowth=soft`',
  'policy_global': 'schedule, magnitude, global',
  'policy_sensitivity': 'schedule, magnitude, layers by sensitivity',
  'policy_movement_erk': 'schedule, movement, Erdos-Renyi-kernel',
  'policy_static_erk': 'random zeros from the first step on',
  'policy_set': 'the same, and `--regrowth=set`',
  'policy_rigl': 'the same, and `--regrowth=rigl`',
  'policy_rewound': 'masks of the first row, `--rewind_checkpoint`',
  'policy_weights': 'schedule, `--granularity=weight`',
  'policy_n_of_m': 'schedule, `--granularity=1:4`',
  'policy_blocks': 'schedule, `--granularity=4x4`',
  'policy_filter': 'schedule, `--granularity=filter`',
  'around_rate_doubled': 'twice the learning rate',
  'around_rate_halved': 'half the learning rate',
  'around_rate_constant': 'a constant learning rate',
  'around_rate_held': 'cosine decay after the window alone',
  'around_no_decay': 'no weight decay',
  'around_slow_batch_norm': 'batch norm with a decay of 0.9997',
  'around_average': 'moving averages, 0.99',
  'around_momentum_cleared': 'no momentum of masked weights',
  'around_window_early': 'steps 0 to 500',
  'around_window_late': 'steps 300 to 950',
}
# How the names of experiments begin that have tables of their own.
POLICY = 'policy_'
AROUND = 'around_'
# What single weights are called where policies.py times their update.
_TIMED_AS = {'weights': 'magnitude', 'movement_erk': 'movement'}


def method(name: str) -> str:
  """The name of an experiment without its level."""
  return '_'.join(
    part for part in name.split('_') if not part.replace('.', '').isdigit()
  )


def level(name: str) -> float:
  """The share that an experiment removes; 0 for none."""
  found = [part for part in name.split('_') if part.replace('.', '').isdigit()]
  return float(found[0]) if found else 0.0


def grouped(rows: Sequence[Dict[str, str]]) -> List[List[Dict[str, str]]]:
  """Rows of one experiment together, in the order of `TITLES` and levels."""
  names = {row['experiment'] for row in rows}
  order = list(TITLES)
  return [
    [row for row in rows if row['experiment'] == name]
    for name in sorted(names, key=lambda n: (order.index(method(n)), level(n)))
  ]


def mean(rows: Sequence[Dict[str, str]], column: str) -> float:
  """The mean of a column over seeds."""
  return float(np.mean([float(row[column]) for row in rows]))


def ratio(rows: Sequence[Dict[str, str]], column: str) -> str:
  """The mean of a column as a ratio; empty where nothing was measured."""
  measured = [row for row in rows if row[column]]
  return f'{mean(measured, column):.2f}x' if measured else ''


def told(row: Dict[str, str]) -> float:
  """The AP50 that a table tells: on the test images where there are any."""
  return float(row['test_ap50'] or row['val_ap50'])


def to_control(
  rows: Sequence[Dict[str, str]], controls: Sequence[Dict[str, str]]
) -> str:
  """AP50 points above the control with the same seed."""
  by_seed = {row['seed']: told(row) for row in controls}
  found = [
    100 * (told(row) - by_seed[row['seed']])
    for row in rows
    if row['seed'] in by_seed
  ]
  return f'{np.mean(found):+.1f}' if found else ''


def cells(
  rows: Sequence[Dict[str, str]], controls: Sequence[Dict[str, str]]
) -> Dict[str, str]:
  """What a table says of an experiment, by title of the column.

  Args:
    rows: of the experiment, one for each seed.
    controls: rows of the control.
  """
  name = rows[0]['experiment']
  share = level(name)
  # What prunes the control has its training, and none after it.
  trained = controls if name.startswith('control') else rows
  scores = {'AP50 val': f'{mean(rows, "val_ap50"):.3f}'}
  if rows[0]['test_ap50']:
    scores['AP50 test'] = f'{mean(rows, "test_ap50"):.3f}'
  if rows[0]['mask_ap50']:
    scores['AP50 of masks'] = f'{mean(rows, "mask_ap50"):.3f}'
  return {
    'model': TITLES[method(name)],
    'removed': f'{share:.0%}' if share else '-',
    'steps': trained[0]['steps'],
    'seeds': str(len(rows)),
    **scores,
    'to control': to_control(rows, controls),
    'parameters': f'{mean(rows, "parameters") / 1e6:.2f} M',
    'nonzeros': f'{mean(rows, "nonzeros") / 1e6:.2f} M',
    'nonzero MACs': f'{mean(rows, "nonzero_macs") / 1e6:.0f} M',
    'gzip': f'{mean(rows, "gzip_bytes") / 1e6:.1f} MB',
    'faster': ratio(rows, 'speedup'),
    'sparse graph faster': ratio(rows, 'sparse_speedup'),
  }


def table(lines: Sequence[Dict[str, str]], titles: Sequence[str] = ()) -> str:
  """Cells as a Markdown table.

  Args:
    lines: from `cells`, at least one.
    titles: columns to show; all if there are none.
  """
  titles = titles or list(lines[0])
  rows = [titles, ['---'] + ['---:'] * (len(titles) - 1)]
  rows += [[line[title] for title in titles] for line in lines]
  return ''.join(f'| {" | ".join(row)} |\n' for row in rows)


def policy_cells(
  rows: Sequence[Dict[str, str]], costs: Dict[str, Dict[str, float]]
) -> Dict[str, str]:
  """What a table says of a way to prune while training, and of it alone.

  Args:
    rows: of the experiment.
    costs: from policies.py, by way.
  """
  name = rows[0]['experiment']
  way = method(name)[len(POLICY) :]
  cost = costs.get(_TIMED_AS.get(way, way))
  update = step = ''
  if cost:
    update = f'{cost["contrib_over_ours"]:.2g}x'
    step = f'{cost["step_over_magnitude"]:.2f}x'
  if cost and cost['batch']:
    update += ' and a batch'
  return {
    'planned': f'{level(name):.2%}',
    'measured': f'{mean(rows, "masked_sparsity"):.2%}',
    'update': update,
    'step': step,
  }
