"""The example that prunes a classifier through the public API."""

import os

import processes
import pytest

from object_detection_pruning.graphs import freezing, graph_files

PROGRAM = os.path.join(processes.ROOT, 'examples/prune_classifier.py')
KERNEL = 'MobilenetV1/Conv2d_9_pointwise/weights'


@pytest.mark.slow
def test_weights_and_channels_of_a_classifier_are_pruned(tmp_path):
  done = processes.python(PROGRAM, str(tmp_path), '--steps=20')
  assert done.returncode == 0, done.stderr
  kinds = [line.split(':')[0] for line in done.stdout.splitlines()]
  expected = ['dense', 'control', 'sparse', 'narrow']
  assert [kind for kind in kinds if kind in expected] == expected
  dense, sparse, narrow = [
    freezing.constants(graph_files.read(str(tmp_path / name)).graph_def)[KERNEL]
    for name in ('dense.pb', 'sparse.pb', 'narrow.pb')
  ]
  assert (dense == 0).mean() < 0.01
  assert (sparse == 0).sum() == round(0.9 * sparse.size)
  assert narrow.shape == (1, 1, 64, 64)
  assert dense.shape == (1, 1, 128, 128)
  assert '13 SparseSeparableConv2D' in done.stdout
