"""Renders results.csv as docs/results.md, its pictures, and a short table.

    python benchmarks/accuracy/render.py

The short table goes into docs/choosing.md, between two comments.
"""

import json
import os
import sys
from typing import Dict, List, Sequence

import matplotlib
import numpy as np

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

_HERE = os.path.dirname(os.path.abspath(__file__))
_DOCS = os.path.join(_HERE, '..', '..', 'docs')
sys.path.insert(0, _HERE)

import experiments  # noqa: E402
import results_file  # noqa: E402

_SHORT = {
  experiments.SSD: 'ssd',
  experiments.FASTER: 'faster',
  experiments.MASK: 'mask',
}
_AXES = {
  'nonzeros': 'nonzero parameters',
  'sparse_speedup': 'how much faster the sparse graph is',
}
_TITLES = {
  'dense': 'dense',
  'control': 'control: dense, retrained',
  'magnitude': 'weights, smallest ones cut, untrained',
  'reconstruct': 'weights, `prune_weights`, untrained',
  'reconstruct_macs': '`prune_weights --target=macs`, untrained',
  'reconstruct_latency': '`prune_weights --target=latency`, untrained',
  'reconstruct_distilled': '`prune_weights`, then distilled',
  'distilled': 'weights, schedule and distillation',
  'channels_l1': 'channels, smallest L1 norm, untrained',
  'channels': 'channels, `--importance=reconstruction`, untrained',
  'channels_macs': 'channels by multiply-adds, else the same, untrained',
  'policy_magnitude': 'schedule, `--criterion=magnitude`',
  'policy_taylor': 'schedule, `--criterion=taylor`',
  'policy_movement': 'schedule, `--criterion=movement`',
  'policy_random': 'schedule, `--criterion=random`',
  'policy_magnitude_erk': 'schedule, magnitude, Erdos-Renyi-kernel',
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
# What is compared in tables of their own.
_POLICY = 'policy_'
_AROUND = 'around_'
# The row that those of the second one change one thing in.
_BASE = 'policy_magnitude_erk_0.9'
# What policies.py has timed; single weights are what magnitude masks there.
_COSTS = os.path.join(_HERE, '..', 'results', 'policies.json')
_TIMED_AS = {'weights': 'magnitude'}

_CHOSEN = (
  'dense',
  'control',
  'magnitude_0.8',
  'magnitude_0.9',
  'reconstruct_0.8',
  'reconstruct_0.9',
  'reconstruct_0.95',
  'reconstruct_latency_0.6',
  'reconstruct_latency_0.7',
  'reconstruct_0.9_distilled',
  'channels_0.4',
  'channels_0.6',
  'channels_l1_0.4',
)
_CHOSEN_COLUMNS = (
  'model',
  'removed',
  'AP50 test',
  'to control',
  'gzip',
  'sparse graph faster',
)
_AROUND_COLUMNS = ('model', 'AP50 val', 'AP50 test', 'to control')
_POLICY_COLUMNS = (
  *('model', 'planned', 'measured', 'AP50 val', 'AP50 test', 'to control'),
  *('nonzero MACs', 'gzip', 'update', 'step'),
)
_BEGIN, _END = '<!-- begin results -->', '<!-- end results -->'


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
  """Rows of one experiment together, in the order of `_TITLES` and levels."""
  names = {row['experiment'] for row in rows}
  order = list(_TITLES)
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
  scores = {'AP50 val': f'{mean(rows, "val_ap50"):.3f}'}
  if rows[0]['test_ap50']:
    scores['AP50 test'] = f'{mean(rows, "test_ap50"):.3f}'
  if rows[0]['mask_ap50']:
    scores['AP50 of masks'] = f'{mean(rows, "mask_ap50"):.3f}'
  return {
    'model': _TITLES[method(name)],
    'removed': f'{share:.0%}' if share else '-',
    'steps': rows[0]['steps'],
    'seeds': str(len(rows)),
    **scores,
    'to control': to_control(rows, controls),
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


def plot(
  groups: Sequence[Sequence[Dict[str, str]]],
  column: str,
  label: str,
  path: str,
) -> None:
  """Draws AP50 against what a model costs, a line for each method.

  Args:
    groups: rows of each experiment.
    column: what it costs; models without it are left out.
    label: of its axis.
    path: of the picture.
  """
  figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=100)
  lines: Dict[str, List] = {}
  for rows in groups:
    if all(row[column] for row in rows):
      point = mean(rows, column), np.mean([told(row) for row in rows])
      lines.setdefault(method(rows[0]['experiment']), []).append(point)
  for number, name in enumerate(_TITLES):
    if name in lines:
      x, y = zip(*sorted(lines[name]))
      # A method has one colour in all pictures.
      style = {'color': pyplot.cm.tab20(number), 'marker': 'o'}
      axes.plot(x, y, label=_TITLES[name].replace('`', ''), **style)
  axes.set_xlabel(label)
  axes.set_ylabel('AP50')
  axes.set_ylim(0, 1)
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8, loc='center left', bbox_to_anchor=(1.01, 0.5))
  figure.savefig(path, bbox_inches='tight')
  pyplot.close(figure)


def rows_of(detector: str, kind: str = '') -> List[Dict[str, str]]:
  """Rows of a detector; those of a table of its own, or all others."""
  return [
    row
    for row in results_file.read()
    if row['detector'] == detector
    and next(
      (
        each
        for each in (_POLICY, _AROUND)
        if row['experiment'].startswith(each)
      ),
      '',
    )
    == kind
  ]


def section(detector: str) -> str:
  """The table and the pictures of a detector; '' without any result."""
  rows = rows_of(detector)
  controls = [row for row in rows if row['experiment'] == 'control']
  if not rows:
    return ''
  groups = grouped(rows)
  # Without a control yet, the dense model stands for it.
  controls = controls or [row for row in rows if row['experiment'] == 'dense']
  text = table([cells(group, controls) for group in groups])
  for column, label in _AXES.items():
    if not any(row[column] for row in rows):
      continue
    picture = f'images/accuracy_{_SHORT[detector]}_{column}.png'
    plot(groups, column, label, os.path.join(_DOCS, picture))
    text += f'\n![AP50 against {label}]({picture})\n'
  return text


def policy_cells(
  rows: Sequence[Dict[str, str]], costs: Dict[str, Dict[str, float]]
) -> Dict[str, str]:
  """What a table says of a way to prune while training, and of it alone.

  Args:
    rows: of the experiment.
    costs: from policies.py, by way.
  """
  name = rows[0]['experiment']
  way = method(name)[len(_POLICY) :]
  cost = costs.get(_TIMED_AS.get(way, way))
  update = step = ''
  if cost:
    update = f'{cost["contrib_over_ours"]:.0f}x'
    step = f'{cost["step_over_magnitude"]:.2f}x'
  if cost and cost['batch']:
    update += ' and a batch'
  return {
    'planned': f'{level(name):.2%}',
    'measured': f'{mean(rows, "masked_sparsity"):.2%}',
    'update': update,
    'step': step,
  }


def policies() -> str:
  """The table of the ways to prune while training; '' without any result."""
  rows = rows_of(experiments.SSD, _POLICY)
  controls = [
    row for row in rows_of(experiments.SSD) if row['experiment'] == 'control'
  ]
  costs = {}
  if os.path.exists(_COSTS):
    with open(_COSTS) as file:
      costs = json.load(file)
  lines = [
    dict(cells(group, controls), **policy_cells(group, costs))
    for group in grouped(rows)
  ]
  return table(lines, _POLICY_COLUMNS) if lines else ''


def around() -> str:
  """The table of what training does around pruning; '' without any result."""
  rows = rows_of(experiments.SSD, _AROUND)
  if not rows:
    return ''
  controls = [
    row for row in rows_of(experiments.SSD) if row['experiment'] == 'control'
  ]
  base = [
    row
    for row in rows_of(experiments.SSD, _POLICY)
    if row['experiment'] == _BASE
  ]
  lines = [cells(group, controls) for group in [base, *grouped(rows)]]
  lines[0]['model'] = 'as above'
  return table(lines, _AROUND_COLUMNS)


def short_table() -> str:
  """The rows of the SSD that help to choose, as a Markdown table."""
  rows = rows_of(experiments.SSD)
  controls = [row for row in rows if row['experiment'] == 'control']
  return table(
    [
      cells(group, controls)
      for group in grouped(rows)
      if group[0]['experiment'] in _CHOSEN
    ],
    _CHOSEN_COLUMNS,
  )


def fill(path: str, text: str) -> None:
  """Puts a text between the two comments of a page."""
  with open(path) as file:
    before, rest = file.read().split(_BEGIN)
  after = rest.split(_END)[1]
  with open(path, 'w') as file:
    file.write(f'{before}{_BEGIN}\n{text}{_END}{after}')


def main() -> None:
  os.makedirs(os.path.join(_DOCS, 'images'), exist_ok=True)
  parts = []
  names = (
    *('head', 'ssd', 'ssd_more', 'policies', 'around', 'faster', 'mask'),
    'study',
  )
  tables = {'policies': policies, 'around': around}
  for name in names:
    found = [section(each) for each, short in _SHORT.items() if short == name]
    if name in tables:
      found = [tables[name]()]
    # What introduces a table has no place without it.
    if '' in found:
      continue
    with open(os.path.join(_HERE, 'text', f'{name}.md')) as file:
      parts.append(file.read())
    parts += found
  with open(os.path.join(_DOCS, 'results.md'), 'w') as file:
    file.write('\n'.join(parts))
  fill(os.path.join(_DOCS, 'choosing.md'), short_table())


if __name__ == '__main__':
  main()
