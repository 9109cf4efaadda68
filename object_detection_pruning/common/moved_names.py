"""Names that tf_slim takes from modules which TensorFlow 2.15 moved them from.

Each is in the public interface of every TensorFlow that the library runs on,
so what was moved is put back from there.
"""

import importlib

import tensorflow.compat.v1 as tf

# Module of tensorflow.python -> its former names, and what each is in `tf`.
_MOVED = {
  'framework.ops': {'IndexedSlices': 'IndexedSlices', 'Tensor': 'Tensor'},
  'ops.array_ops': {'stack': 'stack', 'unstack': 'unstack'},
  'ops.control_flow_ops': {
    'Assert': 'Assert',
    'case': 'case',
    'cond': 'cond',
    'while_loop': 'while_loop',
  },
  'ops.variable_scope': {'variable': 'Variable'},
}
# Imported by TensorFlow 2.15 from a package of later versions. This one has
# what `tf.layers` has.
_BATCH_NORM = 'keras.src.legacy_tf_layers.normalization'


def put_back() -> None:
  """Gives the modules of TensorFlow 2 their former names, where they lack."""
  for module_name, names in _MOVED.items():
    module = importlib.import_module(f'tensorflow.python.{module_name}')
    for former, public in names.items():
      if not hasattr(module, former):
        setattr(module, former, getattr(tf, public))
  from tensorflow.python.layers import normalization
  from tensorflow.python.util import lazy_loader

  # Lazily, as TensorFlow does it: many a program needs no layer.
  normalization.normalization = lazy_loader.LazyLoader(
    'normalization', vars(normalization), _BATCH_NORM
  )
