"""What every test has: a graph of its own, and training runs to look at."""

import gc

import hypothesis
import pytest
import tensorflow.compat.v1 as tf

import object_detection_pruning  # noqa: F401

pytest_plugins = ['trained', 'analyses']

# The same examples each time, so that a run tells about the change that it
# tests; `--hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile('repeatable', derandomize=True)
hypothesis.settings.load_profile('repeatable')

# Building graphs makes many objects that stay; looking through all of them as
# often as Python does costs a tenth of the time of the tests.
gc.set_threshold(50000, 20, 100)


def pytest_addoption(parser):
  parser.addoption(
    '--slow', action='store_true', help='run the tests marked slow as well'
  )


def pytest_collection_modifyitems(config, items):
  if config.getoption('--slow'):
    return
  slow = [item for item in items if item.get_closest_marker('slow')]
  config.hook.pytest_deselected(items=slow)
  items[:] = [item for item in items if item not in set(slow)]


@pytest.fixture(autouse=True)
def graph():
  """A fresh default graph, so that no test sees what another built."""
  with tf.Graph().as_default() as graph:
    yield graph
