"""What share of the machine's multiply-adds each sparse layer reaches.

  python benchmarks/sparse_ops/roofline.py --graph ssd.pb --sparsity 0.9 \\
    --height 300 --width 300

Prunes a frozen graph by magnitude, rewrites it, and traces it with one thread.
A layer's rate is its multiply-adds on nonzeros over its median time. Its shares
are of what peak.cc reaches, all operands in registers and one of them loaded.
"""

import collections
import os
import subprocess
import tempfile
from typing import Dict, List, Tuple

import magnitude
import numpy as np
import tensorflow as tf
from absl import flags

from object_detection_pruning import command
from object_detection_pruning.inspection import graph_cost
from object_detection_pruning.sparse_ops import (
  library,
  loading,
  measuring,
  rewrite,
  sample_feeds,
)

flags.DEFINE_string('graph', None, 'Frozen graph of a detector.')
flags.DEFINE_float('sparsity', 0.9, 'Of every kernel but the first.')
flags.DEFINE_integer('height', 300, 'Of the image.')
flags.DEFINE_integer('width', 300, 'Of the image.')
flags.DEFINE_integer('runs', 30, 'Traced runs.')
flags.mark_flag_as_required('graph')
FLAGS = flags.FLAGS

_PEAK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peak.cc')
_SPARSE = ('SparseConv2D', 'SparseSeparableConv2D', 'SparseMatMulBias')


def main(_) -> None:
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
  peak, loading_peak = _peaks()
  times = _traced(sparse, sample_feeds.make(sparse, image))
  print(
    f'in registers {peak / 1e9:.0f}, one operand loaded '
    f'{loading_peak / 1e9:.0f} thousand million multiply-adds a second\n'
  )
  print('| layer | op | ms | MACs on nonzeros | of the peak | one loaded |')
  print('| --- | --- | --- | --- | --- | --- |')
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
        f'{done / seconds / peak:.2f} | {done / seconds / loading_peak:.2f} |'
      )
  print()
  for op, seconds in total.most_common():
    print(f'{op}: {seconds * 1e3:.2f} ms')


def _peaks() -> Tuple[float, ...]:
  """Multiply-adds a second, operands in registers and one of them loaded."""
  with tempfile.TemporaryDirectory() as folder:
    program = os.path.join(folder, 'peak')
    subprocess.check_call(['g++', '-O2', '-march=native', _PEAK, '-o', program])
    found = subprocess.check_output([program], universal_newlines=True)
  return tuple(float(number) * 1e9 for number in found.split())


def _traced(graph_def, feeds) -> Dict[str, float]:
  """Median seconds of each node."""
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(graph_def, name='')
  config = tf.ConfigProto(
    intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
  )
  times: Dict[str, List[float]] = collections.defaultdict(list)
  with tf.Session(graph=graph, config=config) as session:
    outputs = measuring.detection_outputs(graph_def)
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
