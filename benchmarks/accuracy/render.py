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

import kinds  # noqa: E402
import results_file  # noqa: E402
import tables  # noqa: E402

_SHORT = {
  kinds.SSD: 'ssd',
  kinds.FASTER: 'faster',
  kinds.MASK: 'mask',
}
_AXES = {
  'nonzeros': 'nonzero parameters',
  'sparse_speedup': 'how much faster the sparse graph is',
}
# The row that those of the second one change one thing in.
_BASE = 'policy_magnitude_erk_0.9'
# What policies.py has timed.
_COSTS = os.path.join(_HERE, '..', 'results', 'policies.json')
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
  'control_reconstruct_0.9',
  'reconstruct_0.9_distilled',
  'reconstruct_0.95_distilled',
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
_AROUND_COLUMNS = (
  *('model', 'seeds', 'AP50 val', 'AP50 test'),
  *('to control', 'parameters', 'nonzeros'),
)
_POLICY_COLUMNS = (
  *('model', 'planned', 'measured', 'AP50 val', 'AP50 test', 'to control'),
  *('parameters', 'nonzeros', 'nonzero MACs', 'gzip', 'update', 'step'),
)
# What pictures show of experiments that have a table of their own.
_MUTED = {
  tables.POLICY: ('schedules and regrowth', 'x'),
  tables.AROUND: ('training around a schedule', '+'),
}
# Of the methods that have a line; grey is for the others.
_COLOURS = [pyplot.cm.tab20(n) for n in range(20) if n not in (14, 15)]
_COLOURS += [pyplot.cm.tab20b(n) for n in (0, 12)]
# How much AP50 the pictures show below the best.
_SHOWN = 0.25
_BEGIN, _END = '<!-- begin results -->', '<!-- end results -->'


def plot(
  groups: Sequence[Sequence[Dict[str, str]]],
  others: Dict[str, Sequence[Sequence[Dict[str, str]]]],
  column: str,
  label: str,
  path: str,
) -> None:
  """Draws AP50 against what a model costs, a line for each method.

  Args:
    groups: rows of each experiment.
    others: rows of each experiment of a key of `_MUTED`, drawn alike.
    column: what it costs; models without it are left out.
    label: of its axis.
    path: of the picture.
  """
  figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=100)
  lines: Dict[str, List] = {}
  for rows in groups:
    for point in _points(rows, column):
      lines.setdefault(tables.method(rows[0]['experiment']), []).append(point)
  every = [point for line in lines.values() for point in line]
  for kind, (title, marker) in _MUTED.items():
    alike = [point for rows in others[kind] for point in _points(rows, column)]
    every += alike
    if alike:
      axes.scatter(*zip(*alike), color='0.6', marker=marker, label=title)
  for number, name in enumerate(tables.TITLES):
    if name in lines:
      x, y = zip(*sorted(lines[name]))
      # A method has one colour in all pictures.
      style = {'color': _COLOURS[number], 'marker': 'o'}
      axes.plot(x, y, label=tables.TITLES[name].replace('`', ''), **style)
  best = max(height for _, height in every)
  low = sum(height < best - _SHOWN for _, height in every)
  if low:
    label += f' ({low} models have less AP50 than is shown)'
  axes.set_ylim(max(0, best - _SHOWN), best + 0.02)
  axes.set_xlabel(label)
  axes.set_ylabel('AP50')
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8, loc='center left', bbox_to_anchor=(1.01, 0.5))
  figure.savefig(path, bbox_inches='tight')
  pyplot.close(figure)


def _points(rows: Sequence[Dict[str, str]], column: str) -> List[tuple]:
  """The cost and the AP50 of an experiment, means over its seeds, if known."""
  known = [row for row in rows if row[column]]
  if not known:
    return []
  heights = [tables.told(row) for row in known]
  return [(tables.mean(known, column), float(np.mean(heights)))]


def rows_of(detector: str, kind: str = '') -> List[Dict[str, str]]:
  """Rows of a detector; those of a table of its own, or all others."""
  return [
    row
    for row in results_file.read()
    if row['detector'] == detector
    and next(
      (
        each
        for each in (tables.POLICY, tables.AROUND)
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
  groups = tables.grouped(rows)
  # Without a control yet, the dense model stands for it.
  controls = controls or [row for row in rows if row['experiment'] == 'dense']
  text = tables.table([tables.cells(group, controls) for group in groups])
  others = {kind: tables.grouped(rows_of(detector, kind)) for kind in _MUTED}
  for column, label in _AXES.items():
    if not any(row[column] for row in rows):
      continue
    picture = f'images/accuracy_{_SHORT[detector]}_{column}.png'
    path = os.path.join(_DOCS, picture)
    plot(groups, others, column, label, path)
    text += f'\n![AP50 against {label}]({picture})\n'
  return text


def policies() -> str:
  """The table of the ways to prune while training; '' without any result."""
  rows = rows_of(kinds.SSD, tables.POLICY)
  controls = [
    row for row in rows_of(kinds.SSD) if row['experiment'] == 'control'
  ]
  with open(_COSTS) as file:
    costs = json.load(file)
  lines = [
    dict(tables.cells(group, controls), **tables.policy_cells(group, costs))
    for group in tables.grouped(rows)
  ]
  return tables.table(lines, _POLICY_COLUMNS) if lines else ''


def around() -> str:
  """The table of what training does around pruning; '' without any result."""
  rows = rows_of(kinds.SSD, tables.AROUND)
  if not rows:
    return ''
  controls = [
    row for row in rows_of(kinds.SSD) if row['experiment'] == 'control'
  ]
  base = [
    row
    for row in rows_of(kinds.SSD, tables.POLICY)
    if row['experiment'] == _BASE
  ]
  if not base:
    return ''
  lines = [
    tables.cells(group, controls) for group in [base, *tables.grouped(rows)]
  ]
  lines[0]['model'] = 'as above'
  return tables.table(lines, _AROUND_COLUMNS)


def short_table() -> str:
  """The rows of the SSD that help to choose, as a Markdown table."""
  rows = rows_of(kinds.SSD)
  controls = [row for row in rows if row['experiment'] == 'control']
  return tables.table(
    [
      tables.cells(group, controls)
      for group in tables.grouped(rows)
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
  others = {'policies': policies, 'around': around}
  for name in names:
    found = [section(each) for each, short in _SHORT.items() if short == name]
    if name in others:
      found = [others[name]()]
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
