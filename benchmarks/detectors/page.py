"""The page of the matrix: tables for each stack, and why cells are empty."""

import os
import re
from typing import Dict, List, Set

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
# Of networks of full size.
FULL_COLUMNS = {
  'size': 'image',
  'parameters': 'parameters, M',
  'masks': 'masks',
  'train': 'training',
  'memory': 'peak memory, GB',
}
_STOCK = 'stock'
_TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page.md')


def full(stack: str) -> str:
  """Gives the key of a stack's rows of full size."""
  return f'full_{stack}'


# What rows are of: each a file of results.
KEYS = (*STACKS, *map(full, STACKS))


def render(rows: Dict[str, List[dict]]) -> str:
  """Renders the page.

  Args:
    rows: of each of `KEYS`, as the files of results have them.
  """
  tables = '\n'.join(
    f'## {title}\n\n{_section(rows.get(stack, []))}'
    for stack, title in STACKS.items()
  )
  full_tables = '\n'.join(
    f'### {title}\n\n{_full_section(rows[full(stack)], rows.get(stack, []))}'
    for stack, title in STACKS.items()
    if rows.get(full(stack))
  )
  with open(_TEMPLATE, encoding='utf-8') as file:
    text = file.read().replace('FULL_TABLES\n', full_tables)
  return text.replace('TABLES\n', tables)


def _section(rows: List[dict]) -> str:
  run = [row for row in rows if 'cells' in row]
  stock = [row for row in run if _fails_in_stock_code(row)]
  parts = [_summary(rows, run, stock)]
  parts += _table([row for row in run if row not in stock], COLUMNS)
  if stock:
    parts.append(
      'The stock code itself, without this library, fails to build these:\n\n'
      + _by_reason(stock)
    )
  return '\n\n'.join(parts + _missing(rows)) + '\n'


def _full_section(rows: List[dict], small: List[dict]) -> str:
  left_out = refused(small)
  rows = [row for row in rows if row['name'] not in left_out]
  run = [row for row in rows if 'cells' in row]
  passed = sum(_passed(row, FULL_COLUMNS) for row in run)
  summary = f'Of {len(rows)} detectors {len(run)} were run; {passed} passed.'
  parts = [summary, *_table(run, FULL_COLUMNS), *_missing(rows)]
  return '\n\n'.join(parts) + '\n'


def _table(rows: List[dict], columns: Dict[str, str]) -> List[str]:
  """Renders rows, and the notes on them: each of both, where there are any."""
  notes: Dict[str, int] = {}
  lines = [['detector', *columns.values()], ['---'] * (len(columns) + 1)]
  for row in rows:
    name = f'`{row["name"]}`' if _is_type(row) else row['name']
    lines.append([name] + [_cell(row, key, columns, notes) for key in columns])
  parts = []
  if rows:
    parts.append('\n'.join(f'| {" | ".join(line)} |' for line in lines))
  if notes:
    parts.append('\n'.join(f'{n}. {text}' for text, n in notes.items()))
  return parts


def _missing(rows: List[dict]) -> List[str]:
  missing = [f'`{row["name"]}`' for row in rows if 'cells' not in row]
  return [f'Not run: {", ".join(missing)}.'] if missing else []


def _summary(rows: List[dict], run: List[dict], stock: List[dict]) -> str:
  whole = [row for row in run if _passed(row, COLUMNS)]
  return (
    f'Of {len(rows)} detectors {len(run)} were run. The stock code itself '
    f'cannot build {len(stock)} of these. {len(whole)} of the other '
    f'{len(run) - len(stock)} passed every check.'
  )


def _passed(row: dict, columns: Dict[str, str]) -> bool:
  return all(row['cells'].get(key, [False])[0] for key in columns)


def _cell(
  row: dict, key: str, columns: Dict[str, str], notes: Dict[str, int]
) -> str:
  if key not in row['cells']:
    why = row.get('ended') or 'not run: left out'
    return f'not run ({note(why, notes)})'
  passed, text = row['cells'][key]
  if passed:
    found, _, more = text.partition('; ')
    return f'{found} ({note(more, notes)})' if more else found
  if text.startswith('needs '):
    return f'needs {columns[text[6:]]}'
  if key == 'train' and _fails_in_stock_code(row):
    text = f'the stock code alone: {row["cells"][_STOCK][1]}'
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


def refused(rows: List[dict]) -> Set[str]:
  """Names the detectors that the stock code itself cannot build."""
  return {row['name'] for row in rows if _fails_in_stock_code(row)}


def _fails_in_stock_code(row: dict) -> bool:
  return not row.get('cells', {}).get(_STOCK, [True])[0]


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
