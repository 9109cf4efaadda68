"""The JSON file of a benchmark: what was measured before stays in it."""

import json
import os
from typing import Any, Dict

from object_detection_pruning.common import atomic_files


def read(path: str) -> Dict[str, Any]:
  """Gives what a file has; nothing if there is none.

  Raises:
    SystemExit: it could not be written either.
  """
  folder = os.path.dirname(os.path.abspath(path))
  if not os.path.isdir(folder):
    raise SystemExit(f'error: no folder {folder!r} to write {path!r} into')
  if not os.path.exists(path):
    return {}
  with open(path) as file:
    return json.load(file)


def write(path: str, found: Dict[str, Any]) -> None:
  """Writes it whole, in place of the one before."""
  atomic_files.write(path, json.dumps(found, indent=1) + '\n')
