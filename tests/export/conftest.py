"""What is exported; lets tests find `frozen_graphs`."""

import os
import sys

import pytest

from object_detection_pruning import pipeline
from object_detection_pruning.core import checkpoints

sys.path.insert(0, os.path.dirname(__file__))


@pytest.fixture(scope='module')
def checkpoint(run):
  """Prefix of the last checkpoint of the pruned SSD."""
  return checkpoints.resolve(run.model_dir)


@pytest.fixture(scope='module')
def config(run):
  """The pipeline config that the run wrote beside it."""
  return pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))


@pytest.fixture
def older_export(tmp_path):
  """An output folder that has something in it."""
  folder = tmp_path / 'export'
  folder.mkdir()
  (folder / 'frozen_inference_graph.pb').write_bytes(b'old')
  return folder
