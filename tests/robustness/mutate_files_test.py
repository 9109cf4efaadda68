"""Damaged files of every kind are read or refused, and never more than that."""

import os

import processes

PROGRAM = os.path.join(processes.TESTS, 'robustness', 'mutate_files.py')


def test_damaged_files_are_read_or_refused_in_one_line():
  # In a process of its own, since it forks and must have opened no session.
  result = processes.python(PROGRAM, '--inputs', 300, '--seed', 0)
  *_, total, _ = result.stdout.splitlines()
  assert result.returncode == 0, result.stdout
  cells = [cell.strip() for cell in total.strip('|').split('|')]
  assert cells[0] == 'all' and cells[3:] == ['0', '0', '0']
  read, refused = (int(cell) for cell in cells[1:3])
  assert read + refused == 300
  assert read > 30 and refused > 150
