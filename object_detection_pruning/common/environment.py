"""Checks what the library stands on, and says in one line what is missing."""

import importlib.util
import logging
import os
import re
import warnings
from typing import Optional

_GET_TENSORFLOW = (
  'run "bash scripts/setup.sh", or pip install tensorflow==1.14.0 '
  '(tensorflow-gpu==1.14.0 for a GPU)'
)
_GET_OBJECT_DETECTION = (
  'run "bash scripts/setup.sh", or pip install --no-deps '
  'tf-object-detection==0.0.3, or put models/research and '
  'models/research/slim on PYTHONPATH'
)
# TensorFlow 1.14 and 1.15 say these of code that only ever runs on them. The
# second is of the stock packages and ours alone: a user's own code may move on.
_KNOWN_NOTICES = re.compile(
  r'\s*The TensorFlow contrib module will not be included in TensorFlow 2'
  r'|From \S*/(object_detection(_pruning)?|nets|tf_slim)/\S*: The name \S+ is'
)


def check() -> None:
  """Imports TensorFlow without its known noise and looks for the stock API.

  Raises:
    ImportError: TensorFlow 1.14 or 1.15, a numpy that it can work with, the
      Object Detection API or slim is not there; the message is one line that
      says what to do.
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
      if error.name != 'tensorflow':
        raise
      raise ImportError(f'TensorFlow is not installed: {_GET_TENSORFLOW}')
  check_tensorflow_version(tf.__version__)
  # TensorFlow cannot be imported without it.
  import numpy as np

  check_numpy_version(tf.__version__, np.__version__)
  logging.getLogger('tensorflow').addFilter(_is_no_known_notice)
  check_object_detection()


def check_tensorflow_version(version: str) -> None:
  """Raises ImportError unless `version` is one of TensorFlow 1.14 or 1.15."""
  if version.split('.')[:2] not in (['1', '14'], ['1', '15']):
    raise ImportError(
      f'TensorFlow must be 1.14 or 1.15, got {version}: {_GET_TENSORFLOW}'
    )


def check_numpy_version(tensorflow: str, numpy: str) -> None:
  """Raises ImportError where TensorFlow cannot work with this numpy."""
  # From 1.20 on `np.zeros` and others refuse the symbolic shapes that
  # TensorFlow 1.15 hands them; 1.14 does not.
  too_new = tuple(map(int, numpy.split('.')[:2])) >= (1, 20)
  if too_new and tensorflow.split('.')[:2] == ['1', '15']:
    raise ImportError(
      f'TensorFlow {tensorflow} needs numpy<1.20, got {numpy}: '
      'run pip install "numpy<1.20"'
    )


def check_object_detection() -> None:
  """Looks for the stock Object Detection API and slim without importing them.

  Raises:
    ImportError: one of them, its compiled protos or the `tf_slim` that newer
      sources import is missing.
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
  backbone = _find('nets.inception_v2')
  if backbone is None:
    raise ImportError(
      "slim's networks (module nets) are not importable: "
      + _GET_OBJECT_DETECTION
    )
  with open(backbone, encoding='utf-8') as source:
    needs_tf_slim = 'import tf_slim' in source.read()
  if needs_tf_slim and _find('tf_slim') is None:
    raise ImportError(
      f'slim in {os.path.dirname(backbone)} needs the module tf_slim: run '
      '"bash scripts/setup.sh", or pip install --no-deps tf-slim==1.1.0'
    )


def _find(module: str) -> Optional[str]:
  """Returns the file of a module, or None where there is no such module."""
  try:
    spec = importlib.util.find_spec(module)
  except ModuleNotFoundError:
    return None
  return spec.origin if spec else None


def _is_no_known_notice(record: logging.LogRecord) -> bool:
  return not _KNOWN_NOTICES.match(record.getMessage())
