"""Graphs to rewrite, and what must hold after any rewrite."""

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import graph_outputs
from object_detection_pruning.sparse_ops import library, rewrite

RANDOM = np.random.RandomState(0)


def kernel(*shape, density=0.2):
  weights = RANDOM.normal(size=shape) * (RANDOM.uniform(size=shape) < density)
  return (weights / np.sqrt(np.prod(shape[:-1]) * density)).astype(np.float32)


def batch_norm(x, **options):
  depth = x.shape[-1].value
  arguments = {
    'scale': RANDOM.uniform(0.5, 2, depth).astype(np.float32),
    'offset': RANDOM.normal(size=depth).astype(np.float32),
    'mean': RANDOM.normal(size=depth).astype(np.float32),
    'variance': RANDOM.uniform(0.5, 2, depth).astype(np.float32),
    'epsilon': 0.01,
    'is_training': False,
  }
  arguments.update(options)
  return tf.nn.fused_batch_norm(x, **arguments)[0]


def image(height=12, width=14, depth=16):
  return tf.placeholder(tf.float32, [None, height, width, depth], name='image')


def rewritten(graph, outputs=(), x=None, **options):
  """Rewrites a graph and checks that its outputs are what they were."""
  before = graph.as_graph_def()
  untouched = before.SerializeToString(deterministic=True)
  result = rewrite.rewrite(before, outputs, **options)
  assert before.SerializeToString(deterministic=True) == untouched
  library.load()
  names = graph_outputs.output_names(before) + [name + ':0' for name in outputs]
  placeholder = graph.get_tensor_by_name('image:0')
  if x is None:
    shape = [2] + placeholder.shape.as_list()[1:]
    x = RANDOM.normal(size=shape).astype(np.float32)
  results = []
  for graph_def in (before, result.graph_def):
    with tf.Graph().as_default(), tf.Session() as session:
      tf.import_graph_def(graph_def, name='')
      results.append(session.run(names, {'image:0': x}))
  for name, a, b in zip(names, *results):
    np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4, err_msg=name)
  return result


def ops(result):
  return [
    node.op
    for node in result.graph_def.node
    if node.op
    not in ('Const', 'Identity', 'Placeholder', 'PlaceholderWithDefault')
  ]


def reason(result):
  """Why the one kept layer was kept."""
  (entry,) = result.report.kept
  return entry.note
