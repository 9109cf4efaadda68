"""Checks what the library stands on, and says in one line what is missing."""

import importlib.util
import logging
import os
import re
import sys
import warnings
from typing import Optional

# Which TensorFlow there is depends on the Python; see docs/stacks.md.
_HAS_CLASSIC = sys.version_info < (3, 8)
_GET_TENSORFLOW = 'run "bash scripts/setup.sh", or ' + (
  'pip install tensorflow==1.14.0 (tensorflow-gpu==1.14.0 for a GPU)'
  if _HAS_CLASSIC
  else 'with Python 3.9 to 3.11 pip install tensorflow-cpu==2.15.1 '
  '("tensorflow[and-cuda]==2.15.1" for a GPU)'
)
_GET_OBJECT_DETECTION = (
  'run "bash scripts/setup.sh", or pip install --no-deps '
  + (
    'tf-object-detection==0.0.3'
    if _HAS_CLASSIC
    else 'tf-object-detection-api==0.1'
  )
  + ', or put models/research and models/research/slim on PYTHONPATH'
)
_STOCK = r'From \S*/(object_detection(_pruning)?|nets|tf_slim)/\S*'
# TensorFlow says these of code that only ever runs on it. The names are of the
# stock packages and ours alone: a user's own code may move on.
_KNOWN_NOTICES = re.compile(
  r'\s*The TensorFlow contrib module will not be included in TensorFlow 2'
  rf'|{_STOCK}: The name \S+ is|{_STOCK}: .* is deprecated'
  r'|From \S*/v2_compat\.py:\d+: disable_resource_variables'
)
# Modules of newer stock sources, what each imports, and what that is part of.
_NEWER_NEED = (
  ('nets.inception_v2', 'tf_slim', 'tf-slim==1.1.0'),
  ('object_detection.core.densepose_ops', 'scipy', 'scipy<1.12'),
  ('object_detection.models.keras_models.resnet_v1', 'keras', 'keras==2.3.1'),
)
_TENSORFLOW_VERSIONS = (['1', '14'], ['1', '15'], ['2', '15'])


def check() -> None:
  """Imports TensorFlow without its known noise and looks for the stock API.

  On TensorFlow 2 it also switches to the behaviour of TensorFlow 1, which the
  stock API and all code here rely on.

  Raises:
    ImportError: a TensorFlow of one of the two stacks, a numpy that it can work
      with, the Object Detection API or slim is not there, or TensorFlow 2 has
      begun its work already; the message is one line that says what to do.
  """
  # TensorFlow 1.14 names its quantized types in a way that numpy 1.17 and
  # later want changed: twelve warnings, about nothing that a user can change.
  with warnings.catch_warnings():
    warnings.filterwarnings(
      'ignore', r'Passing \(type, 1\) or .1type. as a synonym', FutureWarning
    )
    try:
      import tensorflow.compat.v1 as tf
    except ModuleNotFoundError as error:
      # A TensorFlow older than 1.13 has no such module.
      if error.name.split('.')[0] != 'tensorflow':
        raise
      raise ImportError(f'TensorFlow is not installed: {_GET_TENSORFLOW}')
  check_tensorflow_version(tf.__version__)
  # TensorFlow cannot be imported without it.
  import numpy as np

  check_numpy_version(tf.__version__, np.__version__)
  logging.getLogger('tensorflow').addFilter(_is_no_known_notice)
  if tf.__version__.startswith('2.'):
    _behave_as_tensorflow_1(tf)
  elif os.environ.get('TF2_BEHAVIOR', '0') != '0':
    # TensorFlow 2 sets this variable, so its child processes have it.
    tf.disable_v2_behavior()
  check_object_detection()
  from object_detection_pruning.common import stand_ins

  stand_ins.install()


def _behave_as_tensorflow_1(tf) -> None:
  # Said of layers of the stock networks, which nobody can change here.
  warnings.filterwarnings('ignore', '.*is deprecated', module='tf_slim|nets')
  try:
    tf.disable_v2_behavior()
  except ValueError:
    raise ImportError(
      'import object_detection_pruning before TensorFlow 2 computes anything: '
      'the library needs the behaviour of TensorFlow 1 from the start'
    )
  from object_detection_pruning.common import moved_names

  moved_names.put_back()


def check_tensorflow_version(version: str) -> None:
  """Raises ImportError unless `version` belongs to one of the two stacks."""
  if version.split('.')[:2] not in _TENSORFLOW_VERSIONS:
    raise ImportError(
      f'TensorFlow must be 1.14, 1.15 or 2.15, got {version}: {_GET_TENSORFLOW}'
    )


def check_numpy_version(tensorflow: str, numpy: str) -> None:
  """Raises ImportError where TensorFlow and stock code cannot work with it."""
  series = '.'.join(tensorflow.split('.')[:2])
  # From 1.20 on `np.zeros` and others refuse the symbolic shapes that
  # TensorFlow 1.15 hands them; 1.14 does not. From 1.24 on it lacks names that
  # the stock API calls.
  limit = {'1.15': (1, 20), '2.15': (1, 24)}.get(series)
  if limit and tuple(map(int, numpy.split('.')[:2])) >= limit:
    needed = 'numpy<' + '.'.join(map(str, limit))
    raise ImportError(
      f'TensorFlow {tensorflow} needs {needed}, got {numpy}: '
      f'run pip install "{needed}"'
    )


def check_object_detection() -> None:
  """Looks for the stock Object Detection API and slim without importing them.

  Raises:
    ImportError: one of them, its compiled protos or what newer sources import
      besides is missing.
  """
  trainer = _find('object_detection.model_lib')
  if trainer is None:
    raise ImportError(
      'the Object Detection API (module object_detection) is not importable: '
      + _GET_OBJECT_DETECTION
    )
  if _find('object_detection.protos.pipeline_pb2') is None:
    research = os.path.dirname(os.path.dirname(trainer))
    raise ImportError(
      f'the protos of the Object Detection API are not compiled: run "protoc '
      f'object_detection/protos/*.proto --python_out=." in {research}'
    )
  if _find('nets.inception_v2') is None:
    raise ImportError(
      "slim's networks (module nets) are not importable: "
      + _GET_OBJECT_DETECTION
    )
  for user, module, package in _NEWER_NEED:
    if _imports(user, module) and _find(module) is None:
      raise ImportError(
        f'{user} of this Object Detection API needs the module {module}: run '
        f'"bash scripts/setup.sh", or pip install --no-deps "{package}"'
      )


def _imports(user: str, module: str) -> bool:
  """Tells whether the source of one module imports another."""
  path = _find(user)
  if path is None:
    return False
  with open(path, encoding='utf-8') as source:
    return bool(re.search(rf'^(import|from) {module}\b', source.read(), re.M))


def _find(module: str) -> Optional[str]:
  """Returns the file of a module, or None where there is no such module."""
  try:
    spec = importlib.util.find_spec(module)
  except ModuleNotFoundError:
    return None
  return spec.origin if spec else None


def _is_no_known_notice(record: logging.LogRecord) -> bool:
  return not _KNOWN_NOTICES.match(record.getMessage())
