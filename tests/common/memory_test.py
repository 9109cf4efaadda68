import ctypes
import platform
import subprocess
import sys

import numpy as np
import processes
import pytest

from object_detection_pruning.common import errors, memory

# Takes arrays of 160 MB together and frees them, again and again; prints how
# often the kernel had to give a page for that.
_PROGRAM = """
import resource
import numpy as np
from object_detection_pruning.common import memory
memory.keep()
for number in range(11):
  if number == 1:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
  arrays = [np.ones(20 << 17) for _ in range(8)]
  del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
# One of each two megabytes at least, whatever the size of pages.
_PAGES = 10 * (160 >> 1)


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


def page_faults(variables):
  """Counts the pages that a process takes while it does the same ten times."""
  result = subprocess.run(
    [sys.executable, '-c', _PROGRAM],
    env={**processes.environment(), **variables},
    stdout=subprocess.PIPE,
    check=True,
  )
  return int(result.stdout)


@pytest.mark.skipif(
  platform.libc_ver()[0] != 'glibc', reason='glibc alone is told to keep it'
)
def test_freed_memory_is_kept_for_the_next_step_unless_switched_off():
  assert page_faults({}) < _PAGES / 10
  assert page_faults({memory.SWITCH: '0'}) >= _PAGES
  # What a user has set himself stays.
  for name, value in (
    ('MALLOC_TRIM_THRESHOLD_', '1000000'),
    ('GLIBC_TUNABLES', 'glibc.malloc.trim_threshold=1000000'),
  ):
    assert page_faults({name: value}) >= _PAGES


def test_a_switch_that_is_neither_on_nor_off_is_refused(monkeypatch):
  monkeypatch.setenv(memory.SWITCH, 'no')
  with pytest.raises(errors.InputError, match="must be 0 or 1, got 'no'"):
    memory.keep()
