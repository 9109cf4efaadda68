"""The modules of `benchmarks/detectors`, for the tests of them."""

import importlib
import os
import sys

import processes
import pytest

FOLDER = os.path.join(processes.ROOT, 'benchmarks/detectors')


@pytest.fixture
def module(monkeypatch):
  """Gives a module of the folder by its name, as the script imports it."""
  monkeypatch.syspath_prepend(FOLDER)
  names = {name[:-3] for name in os.listdir(FOLDER) if name.endswith('.py')}
  before = {name: sys.modules.pop(name, None) for name in names}
  yield importlib.import_module
  for name, earlier in before.items():
    sys.modules.pop(name, None)
    if earlier is not None:
      sys.modules[name] = earlier
