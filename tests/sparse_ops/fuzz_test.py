"""Random calls of the sparse ops, half of them malformed, under sanitizers."""

import os
import shutil

import processes
import pytest

PROGRAM = os.path.join(processes.ROOT, 'benchmarks', 'sparse_ops', 'fuzz.py')


@pytest.mark.skipif(shutil.which('g++') is None, reason='needs g++')
def test_sanitizers_find_nothing_in_500_calls():
  result = processes.python(PROGRAM, '--calls', 500, '--seed', 3)
  assert result.returncode == 0, result.stderr[-3000:]
  *table, last = result.stdout.splitlines()
  assert last == '500 calls, seed 3, no report'
  outcomes = {tuple(line.split()[:2]) for line in table}
  ops = {op for op, _ in outcomes}
  assert len(ops) == 9
  # Calls of each op came through, and others were refused.
  assert outcomes == {(op, what) for op in ops for what in ('run', 'rejected')}
