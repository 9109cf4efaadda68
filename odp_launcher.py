"""Starts `odp`, the console script, without importing TensorFlow.

The list of commands is in `object_detection_pruning/__main__.py`. To import it
as a module would first import the package, which loads TensorFlow and registers
the feature extractors: seconds, where a list should come at once. So the file
is run by its path; the package is imported when a command runs. The package
itself must stay eager, since stock code counts on that registration.
"""

import importlib.util
import os
import runpy


def main() -> None:
  """Runs the front door."""
  # A top-level package is found without being imported.
  package = importlib.util.find_spec('object_detection_pruning')
  path = os.path.join(os.path.dirname(package.origin), '__main__.py')
  runpy.run_path(path)['main']()
