"""What every test has: a graph of its own, and training runs to look at."""

import pytest
import tensorflow.compat.v1 as tf

import object_detection_pruning  # noqa: F401

pytest_plugins = ['trained', 'analyses']


@pytest.fixture(autouse=True)
def graph():
  """A fresh default graph, so that no test sees what another built."""
  with tf.Graph().as_default() as graph:
    yield graph
