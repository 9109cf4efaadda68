"""The page of the matrix: a table for each stack, and why cells are empty."""

import os
import re
from typing import Dict, List

# Stack, and its heading in the page.
STACKS = {
  'classic': 'TensorFlow 1.14, `tf-object-detection` 0.0.3',
  'modern': 'TensorFlow 2.15, `tf-object-detection-api` 0.1',
}
COLUMNS = {
  'masks': 'masks',
  'train': 'training',
  'restart': 'restart',
  'export': 'export',
  'sparse': 'sparse graph',
  'channels': 'channels',
  'sensitivity': 'sensitivity',
  'untrained': 'untrained',
  'tflite': 'TFLite',
}
_STOCK = 'stock'
_TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page.md')


def render(rows: Dict[str, List[dict]]) -> str:
  """Renders the page.

  Args:
    rows: of each stack, as the files of results have them.
  """
  parts = [
    f'## {title}\n\n{_section(rows.get(stack, []))}'
    for stack, title in STACKS.items()
  ]
  with open(_TEMPLATE, encoding='utf-8') as file:
    return file.read().replace('TABLES\n', '\n'.join(parts))


def _section(rows: List[dict]) -> str:
  run = [row for row in rows if 'cells' in row]
  stock = [row for row in run if _fails_in_stock_code(row)]
  notes: Dict[str, int] = {}
  lines = [['detector', *COLUMNS.values()], ['---'] * (len(COLUMNS) + 1)]
  for row in run:
    if row not in stock:
      cells = [_cell(row, key, notes) for key in COLUMNS]
      lines.append([f'`{row["name"]}`' if _is_type(row) else row['name']])
      lines[-1] += cells
  parts = [_summary(rows, run, stock)]
  if len(lines) > 2:
    parts.append('\n'.join(f'| {" | ".join(line)} |' for line in lines))
  if notes:
    parts.append('\n'.join(f'{n}. {text}' for text, n in notes.items()))
  if stock:
    parts.append(
      'The stock code itself, without this library, fails to build these:\n\n'
      + _by_reason(stock)
    )
  missing = [f'`{row["name"]}`' for row in rows if 'cells' not in row]
  if missing:
    parts.append(f'Not run: {", ".join(missing)}.')
  return '\n\n'.join(parts) + '\n'


def _summary(rows: List[dict], run: List[dict], stock: List[dict]) -> str:
  whole = [
    row
    for row in run
    if all(key in row['cells'] and row['cells'][key][0] for key in COLUMNS)
  ]
  return (
    f'Of {len(rows)} detectors {len(run)} were run. The stock code itself '
    f'cannot build {len(stock)} of these. {len(whole)} of the other '
    f'{len(run) - len(stock)} passed every check.'
  )


def _cell(row: dict, key: str, notes: Dict[str, int]) -> str:
  if key not in row['cells']:
    why = row.get('ended') or 'not run: left out'
    return f'not run ({note(why, notes)})'
  passed, text = row['cells'][key]
  if passed:
    found, _, more = text.partition('; ')
    return f'{found} ({note(more, notes)})' if more else found
  if text.startswith('needs '):
    return f'needs {COLUMNS[text[6:]]}'
  prefix = 'not run' if text.startswith('not run') else 'no'
  return f'{prefix} ({note(_general(row, text), notes)})'


def note(text: str, notes: Dict[str, int]) -> str:
  """Gives the number of a note, which rows that say the same share."""
  return str(notes.setdefault(_quoted(text), len(notes) + 1))


def _by_reason(rows: List[dict]) -> str:
  reasons: Dict[str, List[str]] = {}
  for row in rows:
    text = _quoted(_general(row, row['cells'][_STOCK][1]))
    reasons.setdefault(text, []).append(f'`{row["name"]}`')
  lines = ['| error | detectors |', '| --- | --- |']
  return '\n'.join(
    lines
    + [f'| {text} | {", ".join(names)} |' for text, names in reasons.items()]
  )


def _fails_in_stock_code(row: dict) -> bool:
  return not row['cells'].get(_STOCK, [True])[0]


def _is_type(row: dict) -> bool:
  return row['name'] == row['extractor']


def _general(row: dict, text: str) -> str:
  """Puts a word in the place of what only this row's line has in it."""
  text = text.replace(row['extractor'], 'TYPE')
  return re.sub(r'/\S*/tmp\w+', 'FOLDER', text)


def _quoted(text: str) -> str:
  """Writes a line of a program as Markdown shows it, in a table too."""
  text = text.replace('`', "'").replace('|', '/')
  return text if text.startswith('not run') else f'`{text}`'
