"""Checks detectors in the environment that runs this; see matrix.py.

    python benchmarks/detectors/worker.py

It prints a line of JSON with its stack and the detectors of its stock API. Then
each line of its input names a detector to check, as JSON, and it prints a line
of JSON for each cell as soon as that is known, and null after the last one.
"""

import ast
import json
import os
import resource
import sys

# As TensorFlow is imported.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

# Before the stock API, which it makes work on TensorFlow 2.
import object_detection_pruning  # noqa: E402, F401, I001
import cells  # noqa: E402
import checks  # noqa: E402
import configs  # noqa: E402
import forked_commands  # noqa: E402
import forking  # noqa: E402

from object_detection_pruning.dataset_tools import (  # noqa: E402
  detection_data,
)

_MAP = 'FEATURE_EXTRACTOR_CLASS_MAP'


def entries() -> list:
  """Lists the detectors to check: all that the stock class maps name.

  The source of the model builder is read, since a newer one defines some of its
  maps for one generation of TensorFlow only.
  """
  from object_detection.builders import model_builder

  with open(model_builder.__file__, encoding='utf-8') as file:
    tree = ast.parse(file.read())
  found = []
  for node in ast.walk(tree):
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
      name = getattr(node.targets[0], 'id', '')
      if name.endswith(_MAP):
        keys = [ast.literal_eval(key) for key in node.value.keys]
        found += [configs.Entry(key, name, key) for key in keys]
  return found + list(configs.OTHER_HEADS)


def check(task: dict) -> None:
  """Checks the cells of a detector, and prints each."""
  is_full = task['full']
  # Training is all that takes long of a detector of full size.
  longest = task['seconds'] / (1 if is_full else 2)
  run = forking.Runner(task['seconds'], longest)
  found = run.call(checks.make_data, task['data_dir'], is_full)
  data = detection_data.DetectionData(*found)
  entry = configs.Entry(*task['entry'])
  detector = cells.Detector(entry, task['folder'], run, data, is_full)
  failed = set()
  for cell in cells.FULL_CELLS if is_full else cells.CELLS:
    if task['cells'] and cell.key not in task['cells']:
      continue
    if cell.needs in failed:
      tell(cell.key, False, f'needs {cell.needs}')
      failed.add(cell.key)
    elif not tried(cell, detector):
      failed.add(cell.key)
      if cell.key == 'train' and not tried(cells.STOCK, detector):
        return


def tried(cell: cells.Cell, detector: cells.Detector) -> bool:
  """Checks a cell, prints it, and tells whether it passed."""
  try:
    text, passed = cell.check(detector), True
  except forking.Failed as failure:
    text, passed = str(failure), False
  tell(cell.key, passed, text)
  return passed


def tell(*values) -> None:
  """Prints values as a line of JSON."""
  print(json.dumps(values), flush=True)


def main() -> None:
  from object_detection_pruning.common import stacks

  forked_commands.import_rooms()
  tell(stacks.current(), entries())
  for line in iter(sys.stdin.readline, ''):
    task = json.loads(line)
    most = int(task['memory_gb'] * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    check(task)
    print('null', flush=True)


if __name__ == '__main__':
  main()
