"""An export in the way of another; lets tests find `frozen_graphs`."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))


@pytest.fixture
def older_export(tmp_path):
  """An output folder that has something in it."""
  folder = tmp_path / 'export'
  folder.mkdir()
  (folder / 'frozen_inference_graph.pb').write_bytes(b'old')
  return folder
