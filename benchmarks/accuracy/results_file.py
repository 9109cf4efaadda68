"""The figures of all experiments, as a CSV file that only grows.

Processes may add to it at the same time.
"""

import contextlib
import csv
import fcntl
import os
from typing import Dict, Iterator, List, Set, Tuple

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'results.csv')
COLUMNS = (
  'detector',
  'experiment',
  'seed',
  'steps',
  'val_ap',
  'val_ap50',
  'test_ap',
  'test_ap50',
  'mask_ap50',
  'parameters',
  'nonzeros',
  'masked_sparsity',
  'kernel_sparsity',
  'nonzero_macs',
  'gzip_bytes',
  'speedup',
  'sparse_speedup',
  'tensorflow',
  'commit',
  'settings',
)


def read(path: str = PATH) -> List[Dict[str, str]]:
  """Reads all rows; none where there is no file."""
  if not os.path.exists(path):
    return []
  with open(path, newline='') as file:
    return list(csv.DictReader(file))


def done(path: str = PATH) -> Set[Tuple[str, str, int]]:
  """Gives detector, experiment and seed of all rows."""
  return {_key(row) for row in read(path)}


def append(row: Dict[str, object], path: str = PATH) -> None:
  """Adds a row.

  Args:
    row: values by column; missing ones stay empty.
    path: of the file.

  Raises:
    ValueError: a value has no column.
  """
  with _locked(path):
    _write(read(path) + [row], path)


def add(
  row: Dict[str, str], values: Dict[str, object], path: str = PATH
) -> None:
  """Adds values to a row that is there.

  Args:
    row: the row, as it was read.
    values: by column.
    path: of the file.

  Raises:
    ValueError: a value has no column.
  """
  with _locked(path):
    rows = [
      dict(each, **values) if _key(each) == _key(row) else each
      for each in read(path)
    ]
    _write(rows, path)


def _key(row: Dict[str, object]) -> Tuple[str, str, int]:
  return row['detector'], row['experiment'], int(row['seed'])


def _write(rows: List[Dict[str, object]], path: str) -> None:
  unknown = set().union(*rows) - set(COLUMNS)
  if unknown:
    raise ValueError(f'no column for {sorted(unknown)}')
  with open(path + '.new', 'w', newline='') as file:
    writer = csv.DictWriter(file, COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
  os.replace(path + '.new', path)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
  # The file is replaced, so what is locked is its folder.
  folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
  try:
    fcntl.flock(folder, fcntl.LOCK_EX)
    yield
  finally:
    os.close(folder)
