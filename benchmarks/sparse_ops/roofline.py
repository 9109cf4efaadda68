"""What share of the machine's multiply-adds each sparse layer reaches.

  python benchmarks/sparse_ops/roofline.py --graph ssd.pb --sparsity 0.9 \\
    --height 300 --width 300

Prunes a frozen graph by magnitude, rewrites it, and traces it with one thread.
A layer's share is its multiply-adds on nonzeros in its median time, over what a
large dense matrix product reaches in NumPy with one thread.

Run it with OPENBLAS_NUM_THREADS=1.
"""

import collections
from typing import Dict, List

import magnitude
import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags

from object_detection_pruning.common import command, sessions, timing
from object_detection_pruning.graphs import graph_outputs, sample_feeds
from object_detection_pruning.inspection import graph_cost
from object_detection_pruning.sparse_ops import (
  library,
  loading,
  rewrite,
)

flags.DEFINE_string('graph', None, 'Frozen graph of a detector.')
flags.DEFINE_float('sparsity', 0.9, 'Of every kernel but the first.')
flags.DEFINE_integer('height', 300, 'Of the image.')
flags.DEFINE_integer('width', 300, 'Of the image.')
flags.DEFINE_integer('runs', 30, 'Traced runs.')
flags.mark_flag_as_required('graph')
FLAGS = flags.FLAGS

_MATRIX = 1536
_SPARSE = ('SparseConv2D', 'SparseSeparableConv2D', 'SparseMatMulBias')


def main(_) -> None:
  # Before the first session, which counts the multiply-adds.
  if not sessions.size_pools(1, 1):
    raise RuntimeError('a session was opened before the pools were sized')
  library.load()
  plain = magnitude.prune(loading.read_graph_def(FLAGS.graph), FLAGS.sparsity)
  sparse = rewrite.rewrite(plain).graph_def
  image = np.random.RandomState(0).randint(
    0, 256, [FLAGS.height, FLAGS.width, 3]
  )
  image = image.astype(np.uint8)
  cost = graph_cost.measure(sparse, image)
  macs: Dict[str, int] = collections.Counter()
  for layer in cost.layers:
    macs[layer.name] += layer.nonzero_macs or 0
  peak = _peak()
  times = _traced(sparse, sample_feeds.make(sparse, image))
  print(f'one dense product: {peak / 1e9:.1f} thousand million MACs a second\n')
  print('| layer | op | ms | MACs on nonzeros | share of the peak |')
  print('| --- | --- | --- | --- | --- |')
  total = collections.Counter()
  for node in sparse.node:
    seconds = times.get(node.name)
    if seconds is None:
      continue
    total[node.op if node.op in _SPARSE else 'other'] += seconds
    # A layer's name is its node's, or the scope of that.
    done = macs.get(node.name) or macs.get(node.name.rpartition('/')[0])
    if node.op in _SPARSE and done:
      print(
        f'| {node.name} | {node.op} | {seconds * 1e3:.3f} | {done:,} | '
        f'{done / seconds / peak:.0%} |'
      )
  print()
  for op, seconds in total.most_common():
    print(f'{op}: {seconds * 1e3:.2f} ms')


def _peak() -> float:
  """Multiply-adds a second of a dense product."""
  a = np.random.uniform(size=[_MATRIX, _MATRIX]).astype(np.float32)
  seconds, _ = timing.by_turns([lambda: np.dot(a, a)], rounds=5)
  return _MATRIX**3 / float(seconds.min())


def _traced(graph_def, feeds) -> Dict[str, float]:
  """Median seconds of each node."""
  times: Dict[str, List[float]] = collections.defaultdict(list)
  with sessions.open_session(graph_def) as session:
    outputs = graph_outputs.detection_outputs(graph_def)
    session.run(outputs, feeds)
    for _ in range(FLAGS.runs):
      metadata = tf.RunMetadata()
      options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
      session.run(outputs, feeds, options=options, run_metadata=metadata)
      spent: Dict[str, float] = collections.Counter()
      for device in metadata.step_stats.dev_stats:
        for node in device.node_stats:
          took = node.op_end_rel_micros - node.op_start_rel_micros
          spent[node.node_name] += took * 1e-6
      for name, seconds in spent.items():
        times[name].append(seconds)
  return {name: float(np.median(each)) for name, each in times.items()}


if __name__ == '__main__':
  command.run(main)
