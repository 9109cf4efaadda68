"""The pages with results show what is in results.csv."""

import importlib
import os
import shutil
import sys

import processes
import pytest

FOLDER = os.path.join(processes.ROOT, 'benchmarks/accuracy')


@pytest.fixture
def render(monkeypatch):
  monkeypatch.syspath_prepend(FOLDER)
  before = set(sys.modules)
  yield importlib.import_module('render')
  for name in set(sys.modules) - before:
    if getattr(sys.modules[name], '__file__', '').startswith(FOLDER):
      del sys.modules[name]


def test_pages_are_those_of_the_results(render, monkeypatch, tmp_path):
  docs = os.path.join(processes.ROOT, 'docs')
  shutil.copy(os.path.join(docs, 'choosing.md'), str(tmp_path))
  monkeypatch.setattr(render, '_DOCS', str(tmp_path))
  render.main()
  for name in ('results.md', 'choosing.md'):
    with open(os.path.join(docs, name), encoding='utf-8') as file:
      assert (tmp_path / name).read_text(encoding='utf-8') == file.read()
