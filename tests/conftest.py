"""What every test has: a graph of its own, and training runs to look at."""

import functools
import gc
import inspect
import os

# On some processors TensorFlow 2 takes other kernels by default, whose outputs
# have a wrong shape where there are no images. Tests compare with usual ones.
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')

# What asks the project's scripts for another environment or less work is meant
# for the script that started these tests, not for those that they start.
for _name in ('VENV', 'STACK', 'PYTHON', 'CONTROL', 'EVALUATOR'):
  os.environ.pop(_name, None)

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402
from tensorflow.python.util import tf_inspect  # noqa: E402

from object_detection_pruning.common import stacks  # noqa: E402

pytest_plugins = ['trained', 'analyses', 'detector_modules']

# The same examples each time, so that a run tells about the change that it
# tests; `--hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile('repeatable', derandomize=True)
hypothesis.settings.load_profile('repeatable')

# Building graphs makes many objects that stay; looking through all of them as
# often as Python does costs a tenth of the time of the tests. What is imported
# is not looked through at all.
gc.set_threshold(50000, 20, 100)
if hasattr(gc, 'freeze'):
  gc.freeze()

if stacks.current() == stacks.CLASSIC:
  # TensorFlow 1 reads the signature of an op's function for each op it makes,
  # which costs another tenth.
  _read_signature = tf_inspect._getfullargspec
  _signature = functools.lru_cache(maxsize=None)(_read_signature)
  tf_inspect._getfullargspec = lambda target: (
    _signature if inspect.isfunction(target) else _read_signature
  )(target)

# The files of tests that take longest go first, so that no process of a run is
# left alone with one of them.
_LONG_FILES = (
  'tests/sparse_ops/fuzz_test.py',
  'tests/robustness/mutate_files_test.py',
  'tests/export/tflite_test.py',
  'tests/training/model_lib_test.py',
  'tests/analyze_sensitivity_test.py',
  'tests/channels/detectors_test.py',
  'tests/prune_channels_test.py',
  'tests/timed_commands_test.py',
  'tests/export/exporter_test.py',
  'tests/quickstart_test.py',
  'tests/packaging_test.py',
  'tests/prune_classifier_test.py',
  'tests/docs_test.py',
)


def pytest_addoption(parser):
  parser.addoption(
    '--slow', action='store_true', help='run the tests marked slow as well'
  )


def pytest_collection_modifyitems(config, items):
  items.sort(key=lambda item: _position(item.nodeid.split('::')[0]))
  if config.getoption('--slow'):
    return
  slow = [item for item in items if item.get_closest_marker('slow')]
  config.hook.pytest_deselected(items=slow)
  items[:] = [item for item in items if item not in set(slow)]


def _position(path):
  """Where a file comes among the others, which stay in their order."""
  if path in _LONG_FILES:
    return _LONG_FILES.index(path)
  return len(_LONG_FILES)


@pytest.fixture(autouse=True)
def graph():
  """A fresh default graph, so that no test sees what another built."""
  with tf.Graph().as_default() as graph:
    yield graph


@pytest.fixture(autouse=True)
def environment():
  """Takes back what a command that runs in this process set for itself.

  TF_CPP_MIN_LOG_LEVEL, for example, which processes of later tests inherit.
  """
  before = dict(os.environ)
  yield
  os.environ.clear()
  os.environ.update(before)


@pytest.fixture(scope='module', autouse=True)
def memory():
  """Frees the graphs of a file of tests, which refer to themselves."""
  yield
  gc.collect()
