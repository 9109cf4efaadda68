"""Random calls of the sparse ops, half of them malformed, under sanitizers."""

import os
import shutil

import processes
import pytest

PROGRAM = os.path.join(processes.ROOT, 'benchmarks', 'sparse_ops', 'fuzz.py')


@pytest.mark.skipif(shutil.which('g++') is None, reason='needs g++')
def test_sanitizers_find_nothing_in_500_calls():
  process = processes.start(PROGRAM, '--calls', 500, '--seed', 3)
  try:
    # The library is built with the sanitizers before the first call.
    stdout, stderr = process.communicate(timeout=550)
  finally:
    process.kill()
  assert process.returncode == 0, stderr[-3000:]
  *table, last = stdout.splitlines()
  assert last == '500 calls, seed 3, no report'
  outcomes = {tuple(line.split()[:2]) for line in table}
  ops = {op for op, _ in outcomes}
  assert len(ops) == 11
  # Calls of each op came through, and others were refused. A cast has nothing
  # to refuse: it takes any shape.
  assert outcomes >= {(op, 'run') for op in ops}
  assert outcomes >= {(op, 'rejected') for op in ops - {'fast_cast'}}
