import ctypes

import numpy as np

from object_detection_pruning.common import memory


def _resident() -> int:
  with open('/proc/self/status') as file:
    (line,) = [each for each in file if each.startswith('VmRSS')]
  return int(line.split()[1])


def test_freed_memory_goes_back_to_the_system():
  # Small blocks come from the heap, of which one at the end holds the rest.
  blocks = [np.ones(1000) for _ in range(20000)]
  last = np.ones(1000)
  full = _resident()
  del blocks
  memory.give_back()
  assert _resident() < full - 100000
  assert last.sum() == 1000


def test_other_c_libraries_are_left_alone(monkeypatch):
  def missing(name):
    raise OSError(name)

  monkeypatch.setattr(ctypes, 'CDLL', missing)
  memory.give_back()
