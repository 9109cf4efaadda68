"""Picks what can run a model file, by the kind of file that it is."""

import os
from typing import Callable, Dict

from object_detection_pruning.core import errors
from object_detection_pruning.inference import frozen_graph
from object_detection_pruning.inference.detector import Detector

# From the ending of a file's name to the function that loads such a file.
_LOADERS: Dict[str, Callable[[str], Detector]] = {
  '.pb': frozen_graph.load,
}


def load_detector(path: str) -> Detector:
  """Loads an exported detector.

  Args:
    path: a frozen graph (.pb).

  Returns:
    The detector, ready to run.

  Raises:
    errors.InputError: there is no such file, no loader for its kind, or it is
      no detector.
  """
  if not os.path.exists(path):
    raise errors.InputError(f'no such graph: {path}')
  if os.path.isdir(path):
    raise errors.InputError(f'{path} is a folder, not a graph file')
  ending = os.path.splitext(path)[1].lower()
  if ending not in _LOADERS:
    raise errors.InputError(
      f'{path} is of no known kind; known are {", ".join(sorted(_LOADERS))}'
    )
  return _LOADERS[ending](path)
