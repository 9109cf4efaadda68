"""Registers the masked feature extractors once there is something to register.

The stock model builder takes as long to import as TensorFlow does. A program
that only prunes a network of its own, or serves an exported graph, does not
need it, so the extractors are registered when somebody imports it.
"""

import importlib
from types import ModuleType

import wrapt

_MODEL_BUILDER = 'object_detection.builders.model_builder'
_waits = False


def register_with_model_builder() -> None:
  """Registers now if the model builder is there, else when it is imported."""
  global _waits
  if not _waits:
    _waits = True
    wrapt.register_post_import_hook(_register, _MODEL_BUILDER)


def _register(_: ModuleType) -> None:
  # It registers at the end of its import, which may be what is going on.
  importlib.import_module('object_detection_pruning.models.registry')
