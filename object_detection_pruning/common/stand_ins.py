"""Stand-ins for modules that the stock API imports and an environment lacks.

TensorFlow 2 has no `tf.contrib`, and the stock API's newer sources import a
package for the metrics of another data set. Nothing here calls either, but the
imports must not fail. Each stand-in is there only while the stock module that
imports it is loaded, so that nobody else takes it for the real one. The import
hooks of wrapt, which `models.registration` uses, come only behind a module.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any, Dict, Iterator, List, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, hyperparameters, stacks

# Full name of what may be missing -> what stands for it.
Names = Dict[str, Any]


def install() -> None:
  """Lets the stock API be imported without what it does not need."""
  if not any(isinstance(each, _Finder) for each in sys.meta_path):
    sys.meta_path.insert(0, _Finder())


def _bipartite_match(*arguments, **options) -> None:
  raise errors.InputError(stacks.needs_classic('bipartite_matcher'))


def _transform_graph(
  graph_def: tf.GraphDef,
  inputs: List[str],
  outputs: List[str],
  transforms: List[str],
) -> tf.GraphDef:
  """Drops the nodes that no output needs, for the stock TFLite exporter."""
  if transforms != ['strip_unused_nodes']:
    names = ', '.join(transforms)
    raise errors.InputError(stacks.needs_classic(f'graph transform {names}'))
  nodes = [name.split(':')[0] for name in outputs]
  return tf.graph_util.extract_sub_graph(graph_def, nodes)


class _LvisMetrics:
  """What classes of the stock LVIS metrics are derived from."""

  def __getattr__(self, name: str):
    raise errors.InputError(
      'the LVIS metrics need the package lvis: run pip install lvis'
    )


class _NoProfile:
  """Stands for the lists of parameters and operations; prints neither."""

  TRAINABLE_VARS_PARAMS_STAT_OPTIONS: Dict[str, Any] = {}
  FLOAT_OPS_OPTIONS: Dict[str, Any] = {}

  @staticmethod
  def print_model_analysis(graph, tfprof_options) -> None:
    """Does nothing."""


_LVIS = {
  'lvis.lvis.LVIS': _LvisMetrics,
  'lvis.eval.LVISEval': _LvisMetrics,
  'lvis.results.LVISResults': _LvisMetrics,
}
_HPARAMS = {'tensorflow.contrib.training.HParams': hyperparameters.HParams}
# Stock module -> what it imports that may be missing.
_STAND_INS: Dict[str, Names] = {
  'object_detection.export_tflite_ssd_graph_lib': {
    'tensorflow.tools.graph_transforms.TransformGraph': _transform_graph
  },
  'object_detection.exporter': {
    'tensorflow.contrib.tfprof.model_analyzer': _NoProfile
  },
  'object_detection.matchers.bipartite_matcher': {
    'tensorflow.contrib.image.python.ops.image_ops.bipartite_match': (
      _bipartite_match
    )
  },
  'object_detection.metrics.lvis_evaluation': _LVIS,
  'object_detection.metrics.lvis_tools': _LVIS,
  'object_detection.model_hparams': _HPARAMS,
  'nets.nasnet.nasnet': _HPARAMS,
  'nets.nasnet.pnasnet': _HPARAMS,
}


def _make_modules(names: Names) -> Dict[str, ModuleType]:
  """Makes the modules that nobody finds, and puts the names into them."""
  made: Dict[str, ModuleType] = {}
  for full_name, value in names.items():
    module, _, name = full_name.rpartition('.')
    parts = module.split('.')
    for end in range(1, len(parts) + 1):
      package = '.'.join(parts[:end])
      if package not in made and not _exists(package):
        made[package] = ModuleType(package)
        made[package].__path__ = []
    if module in made:
      setattr(made[module], name, value)
  return made


@contextlib.contextmanager
def _provided(names: Names) -> Iterator[None]:
  modules = _make_modules(names)
  sys.modules.update(modules)
  try:
    yield
  finally:
    for name in modules:
      sys.modules.pop(name, None)


def _exists(name: str) -> bool:
  if name in sys.modules:
    return True
  try:
    return importlib.util.find_spec(name) is not None
  except ModuleNotFoundError:
    # The package that it would be in is not there.
    return False


class _Finder(importlib.abc.MetaPathFinder):
  """Wraps the loader of the stock modules in question."""

  def find_spec(
    self, name: str, path, target: Optional[ModuleType] = None
  ) -> Optional[importlib.machinery.ModuleSpec]:
    names = _STAND_INS.get(name)
    if names is None:
      return None
    for finder in sys.meta_path:
      spec = None if finder is self else finder.find_spec(name, path, target)
      if spec is not None:
        if spec.loader is not None:
          spec.loader = _Loader(spec.loader, names)
        return spec
    return None


class _Loader(importlib.abc.Loader):
  """Loads a module as another loader does, with the stand-ins beside it."""

  def __init__(self, loader: importlib.abc.Loader, names: Names):
    self._loader = loader
    self._names = names

  def create_module(self, spec) -> Optional[ModuleType]:
    return self._loader.create_module(spec)

  def exec_module(self, module: ModuleType) -> None:
    module.__spec__.loader = module.__loader__ = self._loader
    with _provided(self._names):
      self._loader.exec_module(module)
