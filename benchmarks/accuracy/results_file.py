"""The figures of all experiments, as a CSV file that only grows."""

import csv
import os
from typing import Dict, List, Set, Tuple

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
  return {
    (row['detector'], row['experiment'], int(row['seed'])) for row in read(path)
  }


def append(row: Dict[str, object], path: str = PATH) -> None:
  """Adds a row, in one write, so that two processes may append at a time.

  Args:
    row: values by column; missing ones stay empty.
    path: of the file.

  Raises:
    ValueError: a value has no column.
  """
  unknown = set(row) - set(COLUMNS)
  if unknown:
    raise ValueError(f'no column for {sorted(unknown)}')
  new = not os.path.exists(path)
  with open(path, 'a', newline='') as file:
    writer = csv.DictWriter(file, COLUMNS, lineterminator='\n')
    if new:
      writer.writeheader()
    writer.writerow(row)
