"""Registers the masked feature extractors once there is something to register.

The stock model builder takes as long to import as TensorFlow does. A program
that only prunes a network of its own, or serves an exported graph, does not
need it, so the extractors are registered when somebody imports it.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Optional

_MODEL_BUILDER = 'object_detection.builders.model_builder'


def register_with_model_builder() -> None:
  """Registers now if the model builder is there, else when it is imported."""
  if _MODEL_BUILDER in sys.modules:
    _register()
  elif not any(isinstance(each, _Finder) for each in sys.meta_path):
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
  """Stands before the other finders until the model builder is imported."""

  def find_spec(
    self, name: str, path, target: Optional[ModuleType] = None
  ) -> Optional[importlib.machinery.ModuleSpec]:
    if name != _MODEL_BUILDER:
      return None
    sys.meta_path.remove(self)
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.loader is not None:
      spec.loader = _Loader(spec.loader)
    return spec


class _Loader(importlib.abc.Loader):
  """Loads a module as another loader does, and registers behind it."""

  def __init__(self, loader: importlib.abc.Loader):
    self._loader = loader

  def create_module(self, spec) -> Optional[ModuleType]:
    return self._loader.create_module(spec)

  def exec_module(self, module: ModuleType) -> None:
    module.__spec__.loader = module.__loader__ = self._loader
    self._loader.exec_module(module)
    _register()


def _register() -> None:
  # It registers at the end of its import, which may be what is going on.
  importlib.import_module('object_detection_pruning.models.registry')
