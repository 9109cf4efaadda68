"""Starts `odp`, the console script, without importing TensorFlow.

The list of commands is in `object_detection_pruning/__main__.py`. To import it
as a module would first import the package, which checks its environment and
loads TensorFlow: seconds, where a list should come at once. So the file is run
by its path, and the package is imported when a command runs. The package itself
stays eager: its check must come before any of its modules, and Python 3.6 has
no `__getattr__` of modules to make its public names lazy.
"""

import importlib.util
import os
import runpy


def main() -> None:
  """Runs the front door."""
  # A top-level package is found without being imported.
  package = importlib.util.find_spec('object_detection_pruning')
  path = os.path.join(os.path.dirname(package.origin), '__main__.py')
  runpy.run_path(path)['guarded_main']()
