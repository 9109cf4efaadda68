"""A detector and its analysis by the command; lets tests find `analyses`."""

import os
import sys

import detectors
import processes
import pytest

sys.path.insert(0, os.path.dirname(__file__))

import analyses  # noqa: E402


@pytest.fixture(scope='session')
def dense(tmp_path_factory, data):
  """The detector."""
  folder = tmp_path_factory.mktemp('dense')
  return analyses.Dense(folder, detectors.config(detectors.ssd(), data))


@pytest.fixture(scope='session')
def analysis(dense):
  """Path of the file of an undisturbed analysis."""
  output = os.path.join(dense.folder, 'whole.json')
  result = processes.python(
    '-m', analyses.ANALYZE, *dense.arguments(output, *analyses.FLAGS)
  )
  assert result.returncode == 0, result.stderr
  return output
